# Run by isolate.sh, as root of its namespaces.
set -eu
. /srv/conf/common.sh
user postfix 5001 postfix
user postdrop 5002 postdrop

cp /srv/conf/main.cf /srv/conf/master.cf /etc/postfix/
for box in $MAILBOXES; do echo "$box@example.test $box/"; done >/etc/postfix/mailboxes
mkdir -p /srv/spool /var/lib/postfix
chown postfix /var/lib/postfix
chgrp postdrop /usr/sbin/postdrop /usr/sbin/postqueue
chmod g+s /usr/sbin/postdrop /usr/sbin/postqueue
show /srv/log/postfix.log

. /srv/conf/logins.sh
postfix start-fg &
wait -n
echo "ended"
