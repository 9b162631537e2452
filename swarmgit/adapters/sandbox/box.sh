# Puts limits on itself and becomes the program. The limits on one process hold for everything that it starts.
#
#   sh box.sh FOLDER MEMORY_KB CPU_S FILE_BLOCKS FILES DISK_KB PROGRAM ARGV...
#
# FOLDER/box.args is file descriptor 9 of the program, FOLDER/box.bpf is 8. A limit that is already lower stays.
# FOLDER/box.group names control groups to make and to join, a line each: FILE VALUE GROUP.
# No limit of the system says how much a session may write in all, so a small loop looks at it, and leaves word in
# FOLDER/excess.json before it ends the session. It holds nothing open that the end of the session is known by.

_swarm_limit() {
    ulimit "$1" "$2" 2> /dev/null || :
}

_swarm_groups() {
    while read -r _swarm_file _swarm_value _swarm_group; do
        [ -d "$_swarm_group" ] || mkdir "$_swarm_group"
        echo "$_swarm_value" > "$_swarm_group/$_swarm_file"
        echo 0 > "$_swarm_group/cgroup.procs"
    done < "$_swarm_folder/box.group" 2> /dev/null
}

_swarm_watch() { # PROGRAM_PID DISK_KB
    exec < /dev/null > /dev/null 2>&1 # here, because a shell keeps what a call redirects
    _swarm_rounds=0
    while command -p sleep "$((_swarm_rounds < 10 ? 2 : 10))" && kill -0 "$1" 2> /dev/null; do
        _swarm_rounds=$((_swarm_rounds + 1))
        _swarm_used=0
        for _swarm_size in $(command -p du -skx . "$_swarm_folder" "$HOME" | command -p cut -f 1); do
            _swarm_used=$((_swarm_used + _swarm_size))
        done
        if [ "$_swarm_used" -gt "$2" ]; then
            printf '{"what": "disk", "used_bytes": %s, "max_bytes": %s}\n' "$((_swarm_used * 1024))" "$(($2 * 1024))" \
                > "$_swarm_folder/.excess.json" &&
                command -p mv "$_swarm_folder/.excess.json" "$_swarm_folder/excess.json"
            kill -9 "$1"
            return
        fi
    done
}

_swarm_box() {
    _swarm_folder=$1
    _swarm_limit -c 0
    _swarm_limit -d "$2"
    _swarm_limit -t "$3"
    _swarm_limit -f "$4"
    _swarm_limit -n "$5"
    _swarm_watch "$$" "$6" &
    _swarm_groups
    shift 6
    exec "$@" 9< "$_swarm_folder/box.args" 8< "$_swarm_folder/box.bpf"
}

_swarm_box "$@"; exit
