#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# home: a household, its provider, a transit network and two services. Sourced by lib.sh.
#
#	tv ------+                             +-- r2a --+        +-- r4a --+        +-- s1
#	         +-- (br-lan) gw (wan) -- r1 --+         +-- r3 --+         +-- r5 --+
#	laptop --+                             +-- r2b --+        +-- r4b --+        +-- s2
#
#	TTL as it leaves the gateway:     1         2        3         4        5        6
#
# The branches are ECMP, chosen per flow by ports in either direction. gw masquerades IPv4, and with
# `nat6` IPv6 as well; with `routed6` the household has global addresses. Its firewall lets only answers in. dnsmasq in gw leases
# addresses by DHCP, under the names livingroom-tv and laptop, and answers for the services' names:
# www.movies.example (s1) and cdn.shop.example (s2), A and AAAA, and for the names of any hosts file put
# into $NET_WORK/names. Each service is an nginx, on ports 443
# and 8443 with TLS and on 80 without:
#
#	/hls/stream.m3u8, /hls/seg-0.ts ... seg-9.ts	a video in segments, 256 KiB each
#	/large.bin					HOME_LARGE_MB (16) MiB
#	/paced/...					the same at 500 kB a second, by the server's own clock: a
#							client's limit lets a small file through at once
#	/upload/NAME					keeps what is PUT there
#
# Served files lie in $NET_WORK/s1/www and s2/www, uploads in their upload/, the certificate authority
# is $NET_WORK/ca.pem, the leases are gw's /var/lib/misc/dnsmasq.leases ($NET_WORK/gw/misc/).
#
# home_up nat6|routed6			builds all of it and waits until it answers
# home_curl CLIENT FAMILY ARGUMENT...	curl that trusts the services; FAMILY is 4 or 6
# home_client CLIENT FAMILY		prints a client's address

TV4=192.168.1.57 LAPTOP4=192.168.1.58 GW4=192.168.1.1 WAN4=203.0.113.2
TV_MAC=02:00:00:00:00:57 LAPTOP_MAC=02:00:00:00:00:58
WAN6=2001:db8:0:1::2
S1_4=198.18.1.10 S1_6=2001:db8:51::10
S2_4=198.18.2.10 S2_6=2001:db8:52::10
S1_NAME=www.movies.example S2_NAME=cdn.shop.example
HOME_ROUTERS="r1 r2a r2b r3 r4a r4b r5"

home_up() {
	# Behind NAT a household uses addresses of its own (RFC 4193); routed, its provider's.
	local lan6=fd00:db8:1
	[ "$1" = nat6 ] || lan6=2001:db8:1
	TV6=$lan6::57 LAPTOP6=$lan6::58 GW6=$lan6::1
	home_hosts
	home_routes "$lan6::/64"
	home_firewall "$1"
	home_dnsmasq
	home_lease tv livingroom-tv
	home_lease laptop laptop
	home_service s1 "$S1_NAME"
	home_service s2 "$S2_NAME"
	home_ready
}

home_client() {
	local name=${1^^}$2
	echo "${!name}"
}

home_hosts() {
	local name
	# shellcheck disable=SC2086 # a list
	host tv laptop gw s1 s2 $HOME_ROUTERS
	router gw
	for name in $HOME_ROUTERS; do
		router "$name" "2001:db8:ff::${name#r}"
	done

	ip -n "$NET_PREFIX-gw" link add br-lan type bridge forward_delay 0
	net_interface gw br-lan "fe80::1/64,$GW4/24,$GW6/64"
	home_client_link tv "$TV_MAC" "$TV6"
	home_client_link laptop "$LAPTOP_MAC" "$LAPTOP6"

	link r1 gw gw wan 203.0.113.1/24 "$WAN4/24,$WAN6/64"
	link r1 r2a r2a r1 10.1.1.1/24 10.1.1.2/24
	link r1 r2b r2b r1 10.1.2.1/24 10.1.2.2/24
	link r2a r3 r3 r2a 10.1.3.1/24 10.1.3.2/24
	link r2b r3 r3 r2b 10.1.4.1/24 10.1.4.2/24
	link r3 r4a r4a r3 10.1.5.1/24 10.1.5.2/24
	link r3 r4b r4b r3 10.1.6.1/24 10.1.6.2/24
	link r4a r5 r5 r4a 10.1.7.1/24 10.1.7.2/24
	link r4b r5 r5 r4b 10.1.8.1/24 10.1.8.2/24
	link r5 s1 s1 eth0 198.18.1.1/24 "$S1_4/24,$S1_6/64"
	link r5 s2 s2 eth0 198.18.2.1/24 "$S2_4/24,$S2_6/64"
}

home_client_link() {
	ip link add eth0 netns "$NET_PREFIX-$1" address "$2" type veth \
		peer name "lan-$1" netns "$NET_PREFIX-gw"
	ip -n "$NET_PREFIX-gw" link set dev "lan-$1" master br-lan addrgenmode none
	ip -n "$NET_PREFIX-gw" link set dev "lan-$1" up
	# IPv4 comes by DHCP.
	net_interface "$1" eth0 "fe80::${3##*:}/64,$3/64"
	ip -n "$NET_PREFIX-$1" -6 route add default via fe80::1 dev eth0
	echo "nameserver $GW4" >"$NET_WORK/$1/resolv.conf"
}

# To the services by default routes, to the household by its prefixes.
home_routes() {
	local lan6=$1
	home_route gw default 203.0.113.1 default fe80::1:wan
	home_route r1 default "10.1.1.2 10.1.2.2" default "fe80::2:r2a fe80::2:r2b"
	home_route r1 "" "" 2001:db8:0:1::/64 :gw
	home_route r1 "" "" "$lan6" fe80::2:gw
	home_route r2a default 10.1.3.2 default fe80::2:r3
	home_route r2b default 10.1.4.2 default fe80::2:r3
	home_route r3 default "10.1.5.2 10.1.6.2" default "fe80::2:r4a fe80::2:r4b"
	home_route r4a default 10.1.7.2 default fe80::2:r5
	home_route r4b default 10.1.8.2 default fe80::2:r5
	home_route r5 "" "" 2001:db8:51::/64 :s1
	home_route r5 "" "" 2001:db8:52::/64 :s2
	home_route s1 default 198.18.1.1 default fe80::1:eth0
	home_route s2 default 198.18.2.1 default fe80::1:eth0
	local prefix
	for prefix in 2001:db8:0:1::/64 "$lan6"; do
		home_route r2a 203.0.113.0/24 10.1.1.1 "$prefix" fe80::1:r1
		home_route r2b 203.0.113.0/24 10.1.2.1 "$prefix" fe80::1:r1
		home_route r3 203.0.113.0/24 "10.1.3.1 10.1.4.1" "$prefix" "fe80::1:r2a fe80::1:r2b"
		home_route r4a 203.0.113.0/24 10.1.5.1 "$prefix" fe80::1:r3
		home_route r4b 203.0.113.0/24 10.1.6.1 "$prefix" fe80::1:r3
		home_route r5 203.0.113.0/24 "10.1.7.1 10.1.8.1" "$prefix" "fe80::1:r4a fe80::1:r4b"
	done
}

# HOST PREFIX4 VIA4... PREFIX6 [VIA6]:DEV...; several next hops, in one word, are ECMP.
home_route() {
	local ns=$NET_PREFIX-$1 via hops=()
	if [ -n "$2" ]; then
		for via in $3; do
			hops+=(nexthop via "$via")
		done
		ip -n "$ns" route replace "$2" "${hops[@]}"
	fi
	hops=()
	for via in $5; do
		case $via in
		:*) hops+=(dev "${via##*:}") ;;
		*) hops+=(nexthop via "${via%:*}" dev "${via##*:}") ;;
		esac
	done
	ip -n "$ns" -6 route replace "$4" "${hops[@]}"
}

home_firewall() {
	local tables
	for tables in iptables ip6tables; do
		on gw "$tables" -P FORWARD DROP
		on gw "$tables" -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
		on gw "$tables" -A FORWARD -i br-lan -o wan -j ACCEPT
		[ "$tables$1" = ip6tablesrouted6 ] ||
			on gw "$tables" -t nat -A POSTROUTING -o wan -j MASQUERADE
	done
}

home_dnsmasq() {
	cat >"$NET_WORK/dnsmasq.conf" <<-END
		keep-in-foreground
		user=root
		pid-file=
		log-facility=-
		no-resolv
		no-hosts
		interface=br-lan
		bind-interfaces
		dhcp-authoritative
		no-ping
		dhcp-leasefile=/var/lib/misc/dnsmasq.leases
		dhcp-range=192.168.1.50,192.168.1.99,1h
		dhcp-host=$TV_MAC,$TV4
		dhcp-host=$LAPTOP_MAC,$LAPTOP4
		host-record=$S1_NAME,$S1_4,$S1_6
		host-record=$S2_NAME,$S2_4,$S2_6
		hostsdir=$NET_WORK/names
	END
	mkdir -p "$NET_WORK/names"
	spawn gw "$NET_WORK/dnsmasq.log" dnsmasq -C "$NET_WORK/dnsmasq.conf"
}

# Leases a client's IPv4 address, under a name.
home_lease() {
	local script=$NET_WORK/udhcpc
	cat >"$script" <<-'END'
		#!/bin/sh
		[ "$1" = bound ] || exit 0
		ip addr replace "$ip/$mask" dev "$interface"
		ip route replace default via "$router"
	END
	chmod 755 "$script"
	on "$1" busybox udhcpc -i eth0 -f -q -n -t 20 -T 1 -x "hostname:$2" -s "$script" \
		>>"$NET_WORK/udhcpc.log" 2>&1
}

# A service of that name: its certificate, its files and its server.
home_service() {
	local dir=$NET_WORK/$1 i
	mkdir -p "$dir/www/hls" "$dir/www/upload" "$dir/tmp"
	home_certificate "$dir" "$2"
	head -c $((${HOME_LARGE_MB:-16} << 20)) /dev/urandom >"$dir/www/large.bin"
	{
		printf '#EXTM3U\n#EXT-X-TARGETDURATION:2\n'
		for i in 0 1 2 3 4 5 6 7 8 9; do
			head -c 262144 /dev/urandom >"$dir/www/hls/seg-$i.ts"
			printf '#EXTINF:2,\nseg-%s.ts\n' "$i"
		done
		printf '#EXT-X-ENDLIST\n'
	} >"$dir/www/hls/stream.m3u8"
	cat >"$dir/nginx.conf" <<-END
		user root;
		daemon off;
		pid $dir/nginx.pid;
		error_log $dir/error.log;
		worker_processes 2;
		events { worker_connections 1024; }
		http {
			access_log $dir/access.log;
			default_type application/octet-stream;
			keepalive_requests 100000;
			client_max_body_size 0;
			client_body_temp_path $dir/tmp/body;
			proxy_temp_path $dir/tmp/proxy;
			fastcgi_temp_path $dir/tmp/fastcgi;
			uwsgi_temp_path $dir/tmp/uwsgi;
			scgi_temp_path $dir/tmp/scgi;
			ssl_certificate $dir/cert.pem;
			ssl_certificate_key $dir/key.pem;
			server {
				listen 80;
				listen [::]:80;
				listen 443 ssl;
				listen [::]:443 ssl;
				listen 8443 ssl;
				listen [::]:8443 ssl;
				root $dir/www;
				location /upload/ { dav_methods PUT; }
				location /paced/ { alias $dir/www/; limit_rate 500k; }
			}
		}
	END
	spawn "$1" "$dir/nginx.log" nginx -e "$dir/error.log" -c "$dir/nginx.conf"
}

# One authority for all services, and a certificate for one name.
home_certificate() {
	local ec="ec -pkeyopt ec_paramgen_curve:prime256v1"
	{
		# shellcheck disable=SC2086 # a list
		[ -e "$NET_WORK/ca.pem" ] || openssl req -x509 -newkey $ec -nodes -days 2 -subj /CN=test-ca \
			-keyout "$NET_WORK/ca.key" -out "$NET_WORK/ca.pem"
		# shellcheck disable=SC2086
		openssl req -newkey $ec -nodes -subj "/CN=$2" -keyout "$1/key.pem" -out "$1/csr.pem"
		printf 'subjectAltName=DNS:%s,DNS:*.%s\n' "$2" "${2#*.}" >"$1/san"
		openssl x509 -req -in "$1/csr.pem" -CA "$NET_WORK/ca.pem" -CAkey "$NET_WORK/ca.key" \
			-CAcreateserial -days 2 -extfile "$1/san" -out "$1/cert.pem"
	} >>"$NET_WORK/openssl.log" 2>&1
}

home_curl() {
	local client=$1 family=$2
	shift 2
	on "$client" curl -sS "-$family" --cacert "$NET_WORK/ca.pem" --max-time 300 "$@"
}

home_ready() {
	local client name family
	# The truth is read from gw's conntrack entries, which must outlive their connections for as long as
	# that takes.
	net_sysctl gw net/netfilter/nf_conntrack_tcp_timeout_{close,time_wait,last_ack}=600
	for client in tv laptop; do
		for name in "$S1_NAME" "$S2_NAME"; do
			for family in 4 6; do
				wait_for 30 home_answers "$client" "$family" "$name" && continue
				echo "$client cannot reach $name by IPv$family:" >&2
				home_curl "$client" "$family" "https://$name/hls/stream.m3u8" >&2 || true
				cat "$NET_WORK"/*.log "$NET_WORK"/s?/*.log >&2
				return 1
			done
		done
	done
}

home_answers() {
	home_curl "$1" "$2" -o /dev/null "https://$3/hls/stream.m3u8" 2>/dev/null
}
