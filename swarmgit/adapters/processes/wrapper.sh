# Parent of one session's program: claims the session, runs it, says how it ended. It outlives the reconciler.
#
#   sh wrapper.sh FOLDER BELL SETUP_COUNT [SETUP...] ARGV...
#
# Runs as leader of its own session and process group, with exactly the environment of the program. Everything is in
# functions and the last line ends the shell, so that a package upgraded in the middle changes nothing here.
# Its own names start with _swarm_ because an assignment to an imported name would reach the program.

_swarm_claim() {
    if [ -r "/proc/$$/stat" ]; then
        read -r _swarm_start < "/proc/$$/stat"
        read -r _swarm_boot < /proc/sys/kernel/random/boot_id
    else
        _swarm_start=$(LC_ALL=C TZ=UTC0 /bin/ps -o lstart= -p $$)
        _swarm_boot=$(/usr/sbin/sysctl -n kern.boottime)
    fi
    set -C # the file is made with O_EXCL: of two wrappers one wins, the other leaves
    if ! { printf '%s\n%s\n%s\n' "$$" "$_swarm_start" "$_swarm_boot" > "$_swarm_folder/pid"; } 2> /dev/null; then
        [ -e "$_swarm_folder/pid" ] && exit 0
        exit 75
    fi
    set +C
}

_swarm_end() { # CODE [MORE]: written beside and renamed, so that it is there whole or not at all
    printf '{"version": 1, "code": %s%s}\n' "$1" "$2" > "$_swarm_folder/.exit.json" &&
        { /bin/mv -f "$_swarm_folder/.exit.json" "$_swarm_folder/exit.json" ||
            mv -f "$_swarm_folder/.exit.json" "$_swarm_folder/exit.json"; } 2> /dev/null
    printf '' > "$_swarm_bell"
    kill -9 0 # what is left of the group, this shell included: now the group is ours for certain
    exit 0
}

_swarm_stopped() {
    [ -e "$_swarm_folder/stop.json" ]
}

_swarm_main() {
    trap : HUP INT QUIT TERM USR1 USR2 ALRM PIPE # a signal to the group ends the program, not its parent
    _swarm_folder=$1 _swarm_bell=$2 _swarm_setups=$3
    shift 3
    unset PWD OLDPWD SHLVL
    _swarm_claim
    while [ "$_swarm_setups" -gt 0 ]; do
        _swarm_stopped && _swarm_end 143 ', "setup_failed": true'
        _swarm_command=$1
        _swarm_setups=$((_swarm_setups - 1))
        shift
        (exec /bin/sh -c "$_swarm_command") >> "$_swarm_folder/setup.log" 2>&1
        _swarm_code=$?
        [ "$_swarm_code" -eq 0 ] || _swarm_end "$_swarm_code" ', "setup_failed": true'
    done
    _swarm_stopped && _swarm_end 143
    (exec "$@") >> "$_swarm_folder/stdout.jsonl" 2>> "$_swarm_folder/stderr.log"
    _swarm_end "$?"
}

_swarm_main "$@"; exit
