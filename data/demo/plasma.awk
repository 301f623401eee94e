# A colourful terminal: waves in 24-bit colour that fill the window, for ever.
function level(v) {
	return int(120 + 110 * sin(v))
}

function size(   words, words_of) {
	"stty size </dev/tty" | getline words
	close("stty size </dev/tty")
	split(words, words_of, " ")
	lines = words_of[1]
	columns = words_of[2]
}

BEGIN {
	printf "\033[?25l"
	for (n = 0; ; n++) {
		if (n % 20 == 0) {
			size()
		}
		t = n * 0.1
		frame = "\033[H"
		for (y = 0; y < lines; y++) {
			for (x = 0; x < columns; x++) {
				far = sqrt((x - columns / 2) ^ 2 + 4 * (y - lines / 2) ^ 2)
				v = sin(x / 9 + t) + sin(y / 6 - t / 2) + sin((x + y) / 12 + t / 3) + sin(far / 7 - t)
				frame = frame sprintf("\033[48;2;%d;%d;%dm ", level(v), level(v * 0.7 + 2.1), level(v + 3.6))
			}
			frame = frame "\033[m" (y < lines - 1 ? "\r\n" : "")
		}
		printf "%s", frame
		fflush()
		system("sleep 0.03")
	}
}
