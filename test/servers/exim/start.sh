# Run by isolate.sh, as root of its namespaces.
set -eu
. /srv/conf/common.sh
user Debian-exim 5005 Debian-exim

cp /srv/conf/exim4.conf /etc/exim4/exim4.conf
chmod 644 /etc/exim4/exim4.conf
mkdir /srv/spool
touch /srv/log/exim-main.log /srv/log/exim-panic.log
chown -R Debian-exim:Debian-exim /srv/spool /srv/log /srv/tls
show /srv/log/exim-main.log /srv/log/exim-panic.log

. /srv/conf/logins.sh
exim4 -bdf -q1m &
wait -n
echo "ended"
