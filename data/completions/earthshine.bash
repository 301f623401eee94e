# bash completion for earthshine

# Index of the app's command in COMP_WORDS: behind "--" or the first word that is no option.
_earthshine_command_at() {
	local i=2 word
	while ((i < COMP_CWORD)); do
		word=${COMP_WORDS[i]}
		case $word in
		--)
			echo $((i + 1))
			return
			;;
		-s | -W | -H | -r | -o | -c | -e | -b | -t | -T | -R | --screen | --width | --height | \
			--refresh | --scale | --output | --codec | --depth | --chroma | --encoder | --gpu | --bitrate | --time | --stats | \
			--ready-fd)
			((i += 2))
			;;
		-*)
			((i++))
			;;
		*)
			echo "$i"
			return
			;;
		esac
	done
	if [[ ${COMP_WORDS[COMP_CWORD]} != -* ]]; then
		echo "$COMP_CWORD"
	fi
}

_earthshine_run() {
	local cur=$1 prev=$2 at
	case $prev in
	-s | --screen)
		mapfile -t COMPREPLY < <(compgen -W '1280x720@60 1920x1080@60 2560x1440@60 3840x2160@60' -- "$cur")
		return
		;;
	-c | --codec)
		mapfile -t COMPREPLY < <(compgen -W 'h264 hevc av1' -- "$cur")
		return
		;;
	--depth)
		mapfile -t COMPREPLY < <(compgen -W '8 10' -- "$cur")
		return
		;;
	--chroma)
		mapfile -t COMPREPLY < <(compgen -W '420 444' -- "$cur")
		return
		;;
	-e | --encoder)
		mapfile -t COMPREPLY < <(compgen -W 'auto software nvenc vaapi vulkan x264 x265 svtav1' -- "$cur")
		return
		;;
	--gpu)
		mapfile -t COMPREPLY < <(compgen -W "auto $(compgen -G '/dev/dri/renderD*')" -- "$cur")
		return
		;;
	-o | --output | -T | --stats)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-W | -H | -r | -b | -t | -R | --width | --height | --refresh | --scale | --bitrate | --time | --ready-fd)
		return
		;;
	esac
	at=$(_earthshine_command_at)
	if [[ -z $at ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--screen --width --height --refresh --scale --output
			--codec --depth --chroma --encoder --gpu --bitrate --time --stats --ready-fd --no-sound
			--quiet --verbose --help --' -- "$cur")
	elif ((at == COMP_CWORD)); then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}

_earthshine_serve() {
	local cur=$1 prev=$2
	case $prev in
	-c | --config)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	-p | -n | -R | --port | --name | --ready-fd) ;;
	*)
		mapfile -t COMPREPLY < <(compgen -W '--config --port --name --ready-fd --quiet --verbose --help' -- "$cur")
		;;
	esac
}

# First column of what the running host lists.
_earthshine_ids() {
	earthshine "$1" 2>/dev/null | awk '$1 + 0 > 0 { print $1 }'
}

_earthshine_clients() {
	local cur=$1
	case $COMP_CWORD,${COMP_WORDS[2]} in
	2,*) mapfile -t COMPREPLY < <(compgen -W 'rename revoke keyboard clipboard legacy --json --help' -- "$cur") ;;
	3,rename | 3,revoke | 3,keyboard | 3,clipboard | 3,legacy) mapfile -t COMPREPLY < <(compgen -W "$(_earthshine_ids clients)" -- "$cur") ;;
	4,clipboard | 4,legacy) mapfile -t COMPREPLY < <(compgen -W 'on off' -- "$cur") ;;
	esac
}

_earthshine_stats() {
	local cur=$1
	case $COMP_CWORD,${COMP_WORDS[2]} in
	2,*) mapfile -t COMPREPLY < <(compgen -W 'record list export delete --json --help' -- "$cur") ;;
	3,record) mapfile -t COMPREPLY < <(compgen -W 'start stop' -- "$cur") ;;
	3,export | 3,delete) mapfile -t COMPREPLY < <(compgen -W "$(earthshine stats list 2>/dev/null | awk '$1 + 0 > 0 { print $1 }')" -- "$cur") ;;
	4,record) mapfile -t COMPREPLY < <(compgen -W 'frames' -- "$cur") ;;
	4,export | 5,export) mapfile -t COMPREPLY < <(compgen -W 'json csv frames' -- "$cur") ;;
	esac
}

_earthshine() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'run serve pair clients apps sessions stop stats console doctor version help' -- "$cur")
		return
	fi
	case ${COMP_WORDS[1]} in
	run) _earthshine_run "$cur" "$prev" ;;
	serve) _earthshine_serve "$cur" "$prev" ;;
	clients) _earthshine_clients "$cur" ;;
	pair) mapfile -t COMPREPLY < <(compgen -W "$(_earthshine_ids pair) --json --help" -- "$cur") ;;
	stop) mapfile -t COMPREPLY < <(compgen -W "$(_earthshine_ids sessions) --json --help" -- "$cur") ;;
	stats) _earthshine_stats "$cur" ;;
	console) mapfile -t COMPREPLY < <(compgen -W 'reset --json --help' -- "$cur") ;;
	apps | sessions) mapfile -t COMPREPLY < <(compgen -W '--json --report --help' -- "$cur") ;;
	doctor) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
	help) mapfile -t COMPREPLY < <(compgen -W 'run serve pair clients apps sessions stop stats console doctor version' -- "$cur") ;;
	esac
}

complete -F _earthshine earthshine
