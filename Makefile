# GrowHub: build, test, run. `make help` lists the targets.
#
# PROFILE=release|asan|tsan|fuzz|cov chooses flags and build directory
# (build/$(PROFILE)); everything is incremental and parallel.

PROFILE ?= release
PREFIX  ?= /usr/local
JOBS    ?= $(shell nproc)

VERSION := $(shell sed -n 's/^\#define GH_VERSION "\(.*\)"/\1/p' libcommon/daemon/version.h)
PACKAGES := libpq librabbitmq libcurl libcjson libevent libevent_openssl libconfig openssl

B := build/$(PROFILE)

CC_release := gcc
CC_asan    := gcc
CC_tsan    := gcc
CC_cov     := gcc
CC_fuzz    := clang
CC         := $(CC_$(PROFILE))

WARN := -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
	-Wformat=2 -Wundef -Wpointer-arith -Wvla
HARDEN := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
OPT_release := -O2 -g $(HARDEN)
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
OPT_tsan    := -O1 -g -fsanitize=thread
OPT_cov     := -O0 -g --coverage
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -Wno-missing-field-initializers -Wno-sign-conversion \
	-fno-sanitize-recover=undefined -Wno-error
LINK_release := -pie -Wl,-z,relro,-z,now

CFLAGS  := -std=c11 -D_GNU_SOURCE $(WARN) $(OPT_$(PROFILE)) -MMD -MP $(EXTRA_CFLAGS)
CPPFLAGS = -Ilibcommon -isystem $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
LDFLAGS := $(LINK_$(PROFILE)) $(OPT_$(PROFILE))
LDLIBS  := -lpq -lrabbitmq -lcurl -lcjson -levent_openssl -levent -lconfig -lssl -lcrypto -lpthread -lm

# V=1 shows the commands.
Q        := $(if $(V),,@)
say       = @$(if $(V),:,printf '  %-4s %s\n' $(1) $(2))

DAEMONS  := gateway outboxd senderd eventd healthd
LIB_SRC  := $(wildcard libcommon/*/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(B)/%.o)
LIB      := $(B)/libgrowhub.a
BINS     := $(DAEMONS:%=$(B)/bin/growhub-%) $(B)/bin/growhubctl $(B)/bin/growhub-sim
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ     := $(patsubst tests/fuzz/%.c,build/fuzz/bin/%,$(wildcard tests/fuzz/fuzz_*.c))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all lib tests-build sim deps headers-check run check lint unit fuzz fuzz-build fuzz-short \
	integration client chaos chaos-short chaos-mutants bench bench-full install clean help format

## all: build every program (touches nothing outside build/)
all: headers-check $(BINS) sim

## lib: build the static library only
lib: $(LIB)

sim: tests/sim/growhub-sim
tests/sim/growhub-sim: $(B)/bin/growhub-sim
	@ln -sf ../../$< $@

headers-check:
	@if [ -e build ] && [ ! -O build ]; then \
		echo "make: build/ belongs to $$(stat -c %U build): use a clone of your own, or remove build/" >&2; exit 1; fi
	@pkg-config --exists $(PACKAGES) 2>/dev/null || \
		{ echo "make: headers are missing: run 'make deps' first" >&2; exit 1; }

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(call say,AR,$@)
	$(Q)ar rcs $@ $^

# A program is every .c file of its folder.
define program
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(wildcard $(2)/*.c)) $(LIB)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(LDFLAGS) $$(filter %.o,$$^) $(LIB) $$(LDLIBS) -o $$@
endef
$(foreach d,$(DAEMONS),$(eval $(call program,growhub-$(d),$(d))))
$(eval $(call program,growhubctl,ctl))
$(eval $(call program,growhub-sim,tests/sim))
$(eval $(call program,growhub-bench,tests/bench))

# A unit test includes the .c it tests; the archive gives the rest.
$(B)/unit/%: tests/unit/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CPPFLAGS) -I. -Itests/unit $(CFLAGS) -Wno-missing-prototypes -MF $@.d $< $(LIB) $(LDFLAGS) -lcmocka $(LDLIBS) -o $@

# A C program that an integration test runs.
$(B)/integration/%: tests/integration/%.c $(LIB)
	@mkdir -p $(@D)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MF $@.d $< $(LIB) $(LDFLAGS) -lcmocka $(LDLIBS) -o $@

tests-build: $(UNIT)

## deps: install the Debian packages needed (asks nothing, starts no server)
deps:
	@tests/stack/deps

## run: install what is missing, build, start everything, show a first message
run: deps
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/stack/run

## check: lint, unit and fuzz, integration, chaos; the last line is "N passed, N failed"
check: deps
	@tests/run-check

## lint: format, clang-tidy, layers, banned functions, manual parity
lint:
	@tests/lint/run

## unit: unit tests under ASan and UBSan
unit:
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=asan tests-build
	@tests/unit/run build/asan/unit

build/fuzz/bin/%: tests/fuzz/%.c build/fuzz/libgrowhub.a
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang $(CPPFLAGS) $(filter-out -Werror,$(CFLAGS)) -Wno-missing-prototypes -MF $@.d $< build/fuzz/libgrowhub.a \
		-fsanitize=fuzzer,address,undefined $(LDLIBS) -o $@

fuzz-build: $(FUZZ)

## fuzz-short: the deterministic short run of every fuzz target
fuzz-short:
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=fuzz fuzz-build
	@tests/fuzz/run short

## fuzz: the long run (FUZZ_SECONDS, default 600 per target)
fuzz:
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=fuzz fuzz-build
	@tests/fuzz/run long

## integration: tests on real PostgreSQL and RabbitMQ, sanitizer builds
integration: deps
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=asan all
	@tests/integration/run

## client: a TypeScript client generated from /openapi.json, compiled and used (needs npm)
client: deps
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@tests/client/run

## chaos: kill -9 of everything under load, the long form (20,000 messages)
chaos: deps
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@tests/chaos/run long

## chaos-short: the form of make check
chaos-short: deps
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all
	@tests/chaos/run short

## chaos-mutants: faults on purpose; each must turn its chaos test red
chaos-mutants: deps
	@tests/chaos/mutants/run

## bench-NAME: one benchmark (tests/bench/run names them); ends in "ratio: N" or "value: N unit"
bench-%: deps
	@$(MAKE) --no-print-directory -j$(JOBS) PROFILE=release all build/release/bin/growhub-bench
	@tests/bench/run $*

## bench: every benchmark, 3 rounds of 5 s; one table at the end
bench: bench-all

## bench-full: every benchmark, 3 rounds of 30 s, growth with 10,000,000 rows (15 GB)
bench-full: export BENCH_SECONDS = 30
bench-full: export BENCH_ROWS = 10000000
bench-full: bench-all

## format: rewrite the sources in the house style
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

## install: programs, manuals, schema and samples below DESTDIR/PREFIX (after make all)
install:
	@for b in $(BINS); do [ -x $$b ] || { echo "make: $$b is missing: run 'make all' first" >&2; exit 1; }; done
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) BIN=$(B)/bin etc/install

## clean: remove build/
clean:
	rm -rf build tests/sim/growhub-sim

## help: this list
help:
	@sed -n 's/^## \([^:]*\): /\1\t/p' Makefile | expand -t 16
	@echo; echo "PROFILE=release|asan|tsan|fuzz|cov   build flags and directory (build/PROFILE)"

-include $(LIB_OBJ:.o=.d) $(wildcard $(B)/*/*.d $(B)/*/*/*.d)
