# Run by isolate.sh, as root of its namespaces.
set -eu
. /srv/conf/common.sh
user dovecot 5003 dovecot
user dovenull 5004 dovenull

show /srv/log/dovecot.log
mkdir /run/dovecot
dovecot -F -c /srv/conf/dovecot.conf &
wait -n
echo "ended"
