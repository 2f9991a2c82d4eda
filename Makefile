# Postern's only Makefile. `make help` lists the targets.
#
# A new source file needs no change here: every .c below lib/ goes into one archive, every .c below a
# program's folder into that program, every tests/unit/test_NAME.c becomes a test program.
#
#   SAN=address|thread|fuzzer   another tree: build/san, build/tsan, build/fuzz
#   CC=clang                    another tree: build/clang
#   BUILD=folder                the root of all trees, for whoever wants one of their own
#   SKIP='lib/net/% web/%'      sources to leave out
#   V=1                         show the whole commands

PREFIX  ?= /usr/local
BUILD   ?= build
DOMAIN  ?=
IMAGE   ?= postern
JOBS    ?= $(shell nproc)
say      = $(if $V,,@echo '$1 $@';)
MAKEFLAGS += --no-builtin-rules --no-print-directory $(if $(filter 0,$(MAKELEVEL)),-j$(JOBS))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:

# ---- trees ------------------------------------------------------------------------------------------------

ifeq ($(SAN),fuzzer)
CC = clang
endif
ifeq ($(origin CC),default)
CC = gcc
endif
CLANG = $(findstring clang,$(notdir $(CC)))

tree.           = $(if $(CLANG),/clang)
tree.address    = $(if $(CLANG),/clang-san,/san)
tree.thread     = /tsan
tree.fuzzer     = /fuzz
B              := $(BUILD)$(tree.$(SAN))

quiet           = -fno-omit-frame-pointer $(if $(CLANG),,-Wno-null-dereference -Wno-maybe-uninitialized)
mode.           = -O2 -D_FORTIFY_SOURCE=2
mode.address    = -O1 $(quiet) -fsanitize=address,undefined -fno-sanitize-recover=all
mode.thread     = -O1 $(quiet) -fsanitize=thread
mode.fuzzer     = $(mode.address) -fsanitize=fuzzer-no-link
mode           := $(mode.$(SAN))

# ---- flags ------------------------------------------------------------------------------------------------

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wcast-qual -Wwrite-strings -Wformat=2 -Wswitch-enum -Wnull-dereference -Werror
CPPFLAGS = -I. -D_GNU_SOURCE -DCARES_NO_DEPRECATED
CFLAGS   = -std=c17 -g -fPIE -pthread -fstack-protector-strong $(WARNINGS) $(mode)
LDFLAGS  = -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(filter -fsanitize%,$(mode))

# The linker keeps of these only what a program really uses.
packages.smtpd      = libevent_core libssl libcrypto libsasl2 libcares libidn2 libseccomp jansson mxml zlib
packages.signer     = libcrypto libseccomp libidn2
packages.keygen     = libcrypto libseccomp libidn2
packages.web        = libevent_core libcurl libssl libcrypto libseccomp libidn2
packages.entrypoint = libcrypto libseccomp libidn2
packages.postern    = libcrypto libseccomp libidn2 jansson libcares libevent_core
packages.test       = $(packages.smtpd) libcurl cmocka
packages.fuzz       = $(packages.smtpd) libcurl
libraries = $(shell pkg-config --libs $(packages.$1)) $(if $(filter smtpd test fuzz,$1),-ldb)

# ---- sources ----------------------------------------------------------------------------------------------

folder.postern = cli
folder   = $(or $(folder.$1),$1)
sources  = $(filter-out $(SKIP),$(wildcard $1/*.c $1/*/*.c))
objects  = $(patsubst %.c,$B/obj/%.o,$(call sources,$1))
rooms    = $(filter-out %/main.o,$(call objects,$1))

NAMES    = smtpd signer keygen entrypoint web postern
PROGRAMS = $(foreach n,$(NAMES),$(if $(wildcard $(call folder,$n)/main.c),$B/$n))
CODE     = lib smtpd signer keygen entrypoint web cli
FILES    = $(wildcard $(foreach d,$(CODE) tests,$d/*.[ch] $d/*/*.[ch]))
UNIT     = $(patsubst tests/unit/%.c,$B/unit/%,$(filter-out $(SKIP),$(wildcard tests/unit/test_*.c)))
FUZZ     = $(patsubst tests/fuzz/%.c,$B/%,$(filter-out $(SKIP),$(wildcard tests/fuzz/fuzz_*.c)))
HELPERS  = $(patsubst %.c,$B/obj/%.o,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

-include tests/unit/fakes.mk

all: $(PROGRAMS)	## the programs, in build/
unit: $(UNIT)	## the unit tests' programs, in build/unit/
fuzz: $(FUZZ)

# ---- rules ------------------------------------------------------------------------------------------------

$B/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,cc)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Written anew each time, because ar would keep the members of removed sources, and moved into its place. The
# folders are prerequisites because removing a file changes them.
archive = $(call say,ar)mkdir -p $(@D) && rm -f $@.new && ar qcs $@.new $(filter %.o,$^) && mv $@.new $@

$B/lib.a: $(call objects,lib) $(wildcard lib/*/)
	$(archive)

# What tests link against: every program's rooms without its main.c, and the tests' own helpers. One archive,
# so that a test pulls what it names and nothing else.
$B/rooms.a: $(HELPERS) $(foreach n,$(NAMES),$(call rooms,$(call folder,$n))) $(wildcard $(CODE:=/) smtpd/*/ tests/unit/)
	$(archive)

# postern reads config/ and judges messages with the code that smtpd does it with.
JUDGES = annotate checks list_fields verdict verdict_evidence verdict_text
rooms.postern = $B/local.a $B/judges.a
$B/local.a: $(patsubst %.c,$B/obj/%.o,$(wildcard smtpd/local/*.c)) smtpd/local/
	$(archive)
$B/judges.a: $(JUDGES:%=$B/obj/smtpd/inbound/%.o)
	$(archive)

define program
$B/$1: $(call objects,$(call folder,$1)) $(rooms.$1) $B/lib.a
	$$(call say,ld)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(call libraries,$1)
endef
$(foreach n,$(NAMES),$(eval $(call program,$n)))

# A fake comes before the archives, so that the member it replaces isn't pulled (tests/unit/fakes.mk).
define test
$B/unit/$1: $B/obj/tests/unit/$1.o $(foreach f,$($1.fakes),$B/obj/tests/fakes/$f.o) $B/rooms.a $B/lib.a
	@mkdir -p $$(@D)
	$$(call say,ld)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(call libraries,test)
endef
$(foreach t,$(notdir $(UNIT)),$(eval $(call test,$t)))

# Tools of other suites: tests/bench/load.c is build/tests/bench/load.
$B/tests/%: $B/obj/tests/%.o $B/rooms.a $B/lib.a
	@mkdir -p $(@D)
	$(call say,ld)$(CC) $(LDFLAGS) -o $@ $^ $(call libraries,test)

# smtpd again, with checks that ask nothing.
$B/tests/bench/unchecked: $B/obj/smtpd/main.o $B/obj/tests/bench/unchecked.o $B/rooms.a $B/lib.a
	@mkdir -p $(@D)
	$(call say,ld)$(CC) $(LDFLAGS) -o $@ $^ $(call libraries,test)

$B/fuzz_%: $B/obj/tests/fuzz/fuzz_%.o $B/rooms.a $B/lib.a
	$(call say,ld)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(call libraries,fuzz)

-include $(shell test -d $B/obj && find $B/obj -name '*.d')

# ---- checks -----------------------------------------------------------------------------------------------

check:	## what every change must pass, at most 15 minutes
	tests/deps build check
	$(MAKE) all unit
	$(MAKE) SAN=address all unit
	tests/run

check-long:	## what takes longer: clang, threads, tidy, mutants, container, crash and fuzz runs
	tests/deps build check long
	tests/run long

floors:	## the arrows of docs/architecture.md, and the sizes of functions and files
	tests/floors
	tests/sizes

format:	## clang-format on everything; CHECK=1 only looks
	@clang-format $(if $(CHECK),--dry-run --Werror --ferror-limit=1,-i) $(FILES)

tidy: $(patsubst %.c,$B/tidy/%,$(filter %.c,$(foreach d,$(CODE),$(call sources,$d))))	## clang-tidy on what changed
$B/tidy/%: %.c .clang-tidy
	@mkdir -p $(@D)
	clang-tidy --quiet $< -- -std=c17 $(CPPFLAGS)
	@touch $@

rfc:	## docs/rfc.md, from the references in the code
	tests/rfc > docs/rfc.md

settings: all	## docs/settings.md, from the settings' table
	(echo '# Settings'; echo; echo '```'; $B/postern config explain; echo '```') > docs/settings.md

bench:	## the measurements, always beside another server
	tests/deps build check bench
	$(MAKE) all $B/tests/bench/load $B/tests/bench/unchecked
	tests/bench/run receive
	tests/bench/run verify
	tests/bench/run relay
	tests/bench/run drain
	tests/bench/run queue

# ---- use --------------------------------------------------------------------------------------------------

run:	## make run DOMAIN=example.test: the server from build/, data in ./data, high ports
	tests/deps build
	$(MAKE) all
	@mkdir -p data/run
	exec env POSTERN_DOMAIN='$(DOMAIN)' POSTERN_DATA=./data POSTERN_RUN=./data/run \
		POSTERN_PORTS="$${POSTERN_PORTS:-smtp=2525,submissions=4465,submission=5587}" $B/entrypoint

install: all	## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/libexec/postern $(DESTDIR)$(PREFIX)/bin
	install $(STRIP) $(filter-out $B/postern,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/libexec/postern
	install $(STRIP) $(filter $B/postern,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin

image:	## the container image
	tests/container/base
	docker build -t $(IMAGE) .

clean:
	rm -rf $(BUILD)

help:	## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile | expand -t 14

.PHONY: all unit fuzz check check-long floors format tidy rfc settings bench run install image clean help
