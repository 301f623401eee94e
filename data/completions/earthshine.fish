# fish completion for earthshine

set -l run '__fish_seen_subcommand_from run'

complete -c earthshine -f
complete -c earthshine -n __fish_use_subcommand -a run -d 'record an app in a virtual screen'
complete -c earthshine -n __fish_use_subcommand -a serve -d 'be a host for Moonlight clients'
complete -c earthshine -n __fish_use_subcommand -a pair -d 'pair a device that waits for its PIN'
complete -c earthshine -n __fish_use_subcommand -a clients -d 'list, rename or revoke the paired devices'
complete -c earthshine -n __fish_use_subcommand -a apps -d 'list what can be launched'
complete -c earthshine -n __fish_use_subcommand -a sessions -d 'list what runs'
complete -c earthshine -n __fish_use_subcommand -a console -d 'print where the console in the browser is'
complete -c earthshine -n __fish_use_subcommand -a stop -d 'end a session'
complete -c earthshine -n __fish_use_subcommand -a stats -d 'record statistics, list and export what was recorded'
complete -c earthshine -n __fish_use_subcommand -a doctor -d 'tell what works here and what is missing'
complete -c earthshine -n __fish_use_subcommand -a version -d 'print the version'
complete -c earthshine -n __fish_use_subcommand -a help -d 'tell how a command is used'
complete -c earthshine -n '__fish_seen_subcommand_from help' -a 'run serve pair clients apps sessions stop stats console doctor version'

complete -c earthshine -n $run -s s -l screen -x -a '1280x720@60 1920x1080@60 2560x1440@60 3840x2160@60' -d 'size and refresh'
complete -c earthshine -n $run -s W -l width -x -d width
complete -c earthshine -n $run -s H -l height -x -d height
complete -c earthshine -n $run -s r -l refresh -x -d 'refresh rate in Hz'
complete -c earthshine -n $run -l scale -x -a '1 1.25 1.5 2' -d 'scale for the app'
complete -c earthshine -n $run -s o -l output -r -F -d 'output file'
complete -c earthshine -n $run -l depth -x -a '8 10' -d 'bits of each colour'
complete -c earthshine -n $run -l chroma -x -a '420 444' -d 'resolution of colour'
complete -c earthshine -n $run -s c -l codec -x -a 'h264 hevc av1' -d codec
complete -c earthshine -n $run -s e -l encoder -x -a 'auto software nvenc vaapi vulkan x264 x265 svtav1' -d encoder
complete -c earthshine -n $run -l gpu -x -a 'auto (printf "%s\n" /dev/dri/renderD*)' -d 'GPU to render and encode on'
complete -c earthshine -n $run -s b -l bitrate -x -d 'bits per second, as 20M'
complete -c earthshine -n $run -s t -l time -x -d 'end the app after seconds'
complete -c earthshine -n $run -s T -l stats -r -F -d 'write statistics as JSON'
complete -c earthshine -n $run -s R -l ready-fd -x -d 'tell the displays on this file descriptor'
complete -c earthshine -n $run -l no-sound -d 'record no sound'
complete -c earthshine -n $run -s q -l quiet -d 'say nothing but errors'
complete -c earthshine -n $run -s v -l verbose -d 'say more'
complete -c earthshine -n $run -s h -l help -d 'list the options'
complete -c earthshine -n $run -x -a '(__fish_complete_subcommand --fcs-skip=2)'

complete -c earthshine -n '__fish_seen_subcommand_from doctor' -s j -l json -d 'print one JSON object'
complete -c earthshine -n '__fish_seen_subcommand_from doctor' -l report -d 'try everything, for a report'
complete -c earthshine -n '__fish_seen_subcommand_from doctor' -s h -l help -d 'list the options'

set -l serve '__fish_seen_subcommand_from serve'
complete -c earthshine -n $serve -s c -l config -r -F -d 'settings and apps'
complete -c earthshine -n $serve -s p -l port -x -d 'base port'
complete -c earthshine -n $serve -s n -l name -x -d 'name that devices show'
complete -c earthshine -n $serve -s R -l ready-fd -x -d 'tell the ports on this file descriptor'
complete -c earthshine -n $serve -s q -l quiet -d 'say nothing but errors'
complete -c earthshine -n $serve -s v -l verbose -d 'say more'
complete -c earthshine -n $serve -s h -l help -d 'list the options'

set -l ask '__fish_seen_subcommand_from pair clients apps sessions stop stats console'
complete -c earthshine -n '__fish_seen_subcommand_from console' -a reset -d 'make a new one-time link'
complete -c earthshine -n '__fish_seen_subcommand_from stats' -a 'record start stop list export delete json csv frames'
complete -c earthshine -n '__fish_seen_subcommand_from stats' -a "(earthshine stats list 2>/dev/null | awk '\$1 + 0 > 0 { print \$1 }')"
complete -c earthshine -n $ask -s j -l json -d 'print one line of JSON'
complete -c earthshine -n $ask -s h -l help -d 'list the options'
complete -c earthshine -n '__fish_seen_subcommand_from clients' -a 'rename revoke keyboard clipboard legacy'
complete -c earthshine -n '__fish_seen_subcommand_from stop' -a "(earthshine sessions 2>/dev/null | awk '\$1 + 0 > 0 { print \$1 }')"
complete -c earthshine -n '__fish_seen_subcommand_from pair' -a "(earthshine pair 2>/dev/null | awk '\$1 + 0 > 0 { print \$1 }')"
