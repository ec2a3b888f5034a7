# Sourced by the start.sh of each server: the users that its package would have made. /etc is a copy in memory here.

# user NAME ID GROUP: unless the machine has them already.
user() {
  getent group "$3" >/dev/null || echo "$3:x:$2:" >>/etc/group
  getent passwd "$1" >/dev/null || echo "$1:x:$2:$2::/nonexistent:/usr/sbin/nologin" >>/etc/passwd
}
user vmail 5000 vmail
chown vmail:vmail /srv/mail

# show LOG...: what is logged is what is printed, for whoever waits for a line of it.
show() {
  touch "$@"
  tail -n +1 -q -F "$@" 2>/dev/null &
}

# Whom Dovecot knows: who may log in, and who has a mailbox.
echo "$LOGIN_USER:$LOGIN_SECRET" >/srv/conf/logins
for box in $MAILBOXES; do
  room=
  if [ "$box" = full ]; then room="userdb_quota_rule=*:storage=1B"; fi
  echo "$box@example.test:none:5000:5000::/srv/mail/$box::$room"
done >/srv/conf/users
