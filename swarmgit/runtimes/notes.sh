# Shows an agent the notes in its inbox, each once: the hook of programs that speak the hook protocol of Claude Code.
#
#   sh notes.sh EVENT      with SWARM_INBOX and SWARM_OUTBOX set; a note is a JSON string in one line

cat >/dev/null
for note in "$SWARM_INBOX"/*.note; do
    [ -f "$note" ] || continue
    mark="$SWARM_OUTBOX/.told-${note##*/}"
    [ -e "$mark" ] && continue
    : > "$mark" || continue
    if [ "$1" = Stop ]; then
        printf '{"decision": "block", "reason": %s}\n' "$(cat "$note")"
    else
        printf '{"hookSpecificOutput": {"hookEventName": "%s", "additionalContext": %s}}\n' "$1" "$(cat "$note")"
    fi
    exit 0
done
exit 0
