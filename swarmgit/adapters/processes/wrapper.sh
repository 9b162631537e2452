# Parent of one session's program: claims the session, runs it, says how it ended. It outlives the reconciler.
#
#   sh wrapper.sh FOLDER BELL OUTPUT_BLOCKS SETUP_COUNT [SETUP...] ARGV...
#
# Runs as leader of its own session and process group, with exactly the environment of the program. Everything is in
# functions and the last line ends the shell, so that a package upgraded in the middle changes nothing here.
# Its own names start with _swarm_ because an assignment to an imported name would reach the program.
#
# Descriptors 0, 1 and 2 are the ends to read from of FOLDER's stdout.pipe, stderr.pipe and setup.pipe. Each gets a
# writer, which copies what comes to a file of at most OUTPUT_BLOCKS blocks of 512 bytes; a file's limit ends it there.

_swarm_claim() {
    if [ -r "/proc/$$/stat" ]; then
        read -r _swarm_start < "/proc/$$/stat"
        read -r _swarm_boot < /proc/sys/kernel/random/boot_id
    else
        _swarm_start=$(LC_ALL=C TZ=UTC0 /bin/ps -o lstart= -p $$ 2> /dev/null)
        _swarm_boot=$(/usr/sbin/sysctl -n kern.boottime 2> /dev/null)
    fi
    set -C # the file is made with O_EXCL: of two wrappers one wins, the other leaves
    if ! { printf '%s\n%s\n%s\n' "$$" "$_swarm_start" "$_swarm_boot" > "$_swarm_folder/pid"; } 2> /dev/null; then
        [ -e "$_swarm_folder/pid" ] && exit 0
        exit 75
    fi
    set +C
}

_swarm_write() { # BLOCKS: what comes in goes out; only the end of what comes ends it, and a limit
    ulimit -c 0
    ulimit -f "$1"
    [ -x /bin/cat ] && exec /bin/cat
    exec cat
}

_swarm_open() { # BLOCKS: start the writers, keep the pipes open for all that is to come, let nobody else read them
    exec 3<&0 4<&1 5<&2 < /dev/null > /dev/null 2>&1
    exec 6> "$_swarm_folder/stdout.pipe" 7> "$_swarm_folder/stderr.pipe" 8> "$_swarm_folder/setup.pipe"
    # before they start: a short program has ended, and its group is told to, before a writer has done anything
    trap '' $_swarm_signals
    _swarm_write "$1" <&3 >> "$_swarm_folder/stdout.jsonl" 3<&- 4<&- 5<&- 6>&- 7>&- 8>&- &
    _swarm_writers=$!
    _swarm_write "$1" <&4 >> "$_swarm_folder/stderr.log" 3<&- 4<&- 5<&- 6>&- 7>&- 8>&- &
    _swarm_writers="$_swarm_writers $!"
    if [ "$_swarm_setups" -gt 0 ]; then
        _swarm_write "$1" <&5 >> "$_swarm_folder/setup.log" 3<&- 4<&- 5<&- 6>&- 7>&- 8>&- &
        _swarm_writers="$_swarm_writers $!"
    fi
    trap : $_swarm_signals # a signal to the group ends the program, not its parent
    exec 3<&- 4<&- 5<&-
    printf '%s' "$_swarm_writers" > "$_swarm_folder/writers"
}

_swarm_close() { # wait until all that was said is written; a program that has stayed behind is not waited for
    : > "$_swarm_folder/ended"
    trap '' PIPE $_swarm_signals # who asks the session to end from here on would end the recording of its end
    exec 6>&- 7>&- 8>&-
    if ! [ -e "$_swarm_folder/box.args" ] || ! [ -e "/proc/$$" ]; then # no wall has ended what was left behind
        kill 0
        (command -p sleep 2 && : > "$_swarm_folder/left" && kill -9 $_swarm_writers) &
    fi
    _swarm_codes=
    for _swarm_writer in $_swarm_writers; do
        wait "$_swarm_writer"
        _swarm_written=$?
        [ -e "$_swarm_folder/left" ] && _swarm_written=0 # ended by us
        _swarm_codes="$_swarm_codes${_swarm_codes:+, }$_swarm_written"
    done
}

_swarm_end() { # CODE [MORE]: written beside and renamed, so that it is there whole or not at all
    _swarm_close
    printf '{"version": 1, "code": %s%s, "writers": [%s]}\n' "$1" "$2" "$_swarm_codes" > "$_swarm_folder/.exit.json" &&
        { /bin/mv -f "$_swarm_folder/.exit.json" "$_swarm_folder/exit.json" ||
            mv -f "$_swarm_folder/.exit.json" "$_swarm_folder/exit.json"; }
    printf '' > "$_swarm_bell"
    kill -9 0 # what is left of the group, this shell included: now the group is ours for certain
    exit 0
}

_swarm_stopped() {
    [ -e "$_swarm_folder/stop.json" ]
}

_swarm_main() {
    _swarm_signals="HUP INT QUIT TERM USR1 USR2 ALRM"
    trap : PIPE $_swarm_signals
    _swarm_folder=$1 _swarm_bell=$2 _swarm_blocks=$3 _swarm_setups=$4
    shift 4
    unset PWD OLDPWD SHLVL
    _swarm_claim
    _swarm_open "$_swarm_blocks"
    while [ "$_swarm_setups" -gt 0 ]; do
        _swarm_stopped && _swarm_end 143 ', "setup_failed": true'
        _swarm_command=$1
        _swarm_setups=$((_swarm_setups - 1))
        shift
        (exec /bin/sh -c "$_swarm_command") >&8 2>&1 6>&- 7>&- 8>&-
        _swarm_code=$?
        [ "$_swarm_code" -eq 0 ] || _swarm_end "$_swarm_code" ', "setup_failed": true'
    done
    _swarm_stopped && _swarm_end 143
    exec 8>&-
    (exec "$@") >&6 2>&7 6>&- 7>&-
    _swarm_end "$?"
}

_swarm_main "$@"; exit
