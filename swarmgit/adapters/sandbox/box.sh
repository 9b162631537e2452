# Puts limits on itself and becomes the program. The limits on one process hold for everything that it starts.
#
#   sh box.sh FOLDER MEMORY_KB CPU_S FILE_BLOCKS FILES PROGRAM ARGV...
#
# FOLDER/box.args is file descriptor 9 of the program, FOLDER/box.bpf is 8. A limit that is already lower stays.
# FOLDER/box.group names control groups to make and to join, a line each: FILE VALUE GROUP.

_swarm_limit() {
    ulimit "$1" "$2" 2> /dev/null || :
}

_swarm_box() {
    _swarm_folder=$1
    _swarm_limit -c 0
    _swarm_limit -d "$2"
    _swarm_limit -t "$3"
    _swarm_limit -f "$4"
    _swarm_limit -n "$5"
    shift 5
    while read -r _swarm_file _swarm_value _swarm_group; do
        [ -d "$_swarm_group" ] || mkdir "$_swarm_group"
        echo "$_swarm_value" > "$_swarm_group/$_swarm_file"
        echo 0 > "$_swarm_group/cgroup.procs"
    done < "$_swarm_folder/box.group" 2> /dev/null
    exec "$@" 9< "$_swarm_folder/box.args" 8< "$_swarm_folder/box.bpf"
}

_swarm_box "$@"; exit
