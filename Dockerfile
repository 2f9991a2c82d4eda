# Postern's image: the programs, Dovecot and unbound on Debian 13. Plain syntax, for the old builder and for BuildKit.
ARG BASE=debian:trixie-slim

FROM $BASE AS build
WORKDIR /src
COPY tests/deps tests/deps
RUN tests/deps build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make && make install DESTDIR=/out PREFIX=/usr STRIP=-s

FROM $BASE
# Numbers are fixed, because files in the data folder outlive the image. The packages find their users made already.
RUN groupadd -r -g 801 postern && groupadd -r -g 802 tls \
 && for u in 810:vmail 811:smtpd 812:signer 813:keygen 814:web 815:unbound 816:dovecot 817:dovenull; do \
	groupadd -r -g ${u%:*} ${u#*:} \
	&& useradd -r -u ${u%:*} -g ${u#*:} -d /nonexistent -M -s /usr/sbin/nologin ${u#*:} || exit 1; done \
 && usermod -a -G postern,vmail,tls smtpd && usermod -a -G tls web && usermod -a -G postern dovecot
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
	ca-certificates libcares2 libcurl4t64 libdb5.3t64 libevent-core-2.1-7t64 libidn2-0 libjansson4 libmxml1 libsasl2-2 \
	libsasl2-modules libseccomp2 libssl3t64 zlib1g dovecot-imapd unbound dns-root-data \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/*.log /etc/dovecot /etc/unbound
COPY entrypoint/image/ /etc/postern/
RUN /etc/postern/check && rm /etc/postern/check /etc/postern/README && install -d /data
COPY --from=build /out/usr/ /usr/

EXPOSE 25 465 587 993
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 CMD ["postern", "health"]
ENTRYPOINT ["/usr/libexec/postern/entrypoint"]
