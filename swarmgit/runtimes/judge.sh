# Judges a command that an agent program reports on standard input before it runs it.
#
#   sh judge.sh PYTHON PACKAGES NAME...      the names are the programs that policy lists
#
# Ends with 0 or 2. Other codes would let the command run, so whatever goes wrong here is 2 as well.

_swarm_python=$1
shift
{ _swarm_reason=$("$_swarm_python" -I -B -c 'import sys
sys.path.insert(0, sys.argv.pop(1))
from swarmgit.documents.commands.hook import main
sys.exit(main())' "$@" 2>&1 >&3); } 3>&1
case $? in
    0) exit 0 ;;
    2) printf '%s\n' "$_swarm_reason" >&2 ;;
    *) echo "this command cannot be judged here, so it does not run" >&2 ;;
esac
exit 2
