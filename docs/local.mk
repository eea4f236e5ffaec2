# docs/local.mk
EXTRA_DIST += docs/compatibility.md docs/client-configuration.md docs/configuration.md
EXTRA_DIST += docs/disk-format.md docs/durability.md docs/protocol.md
EXTRA_DIST += docs/architecture.md docs/performance.md docs/evidence/first-light.md \
	docs/evidence/power-cuts.md
dist_man_MANS += docs/man/kairn.1 docs/man/kairnd.8 docs/man/klient.3
EXTRA_DIST += docs/znodes.md
