# Sourced by the start.sh of a server that asks Dovecot about logins: it is up when this ends.
user dovecot 5003 dovecot
user dovenull 5004 dovenull
mkdir /run/dovecot
show /srv/log/logins.log
dovecot -F -c /srv/conf/logins.conf &
until [ -S /run/dovecot/logins ]; do
  kill -0 $! || exit 1
  sleep 0.05
done
