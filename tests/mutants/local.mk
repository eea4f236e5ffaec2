# tests/mutants/: promises broken on purpose. Run by tests/run.
EXTRA_DIST += tests/mutants/evidence.sh tests/mutants/options tests/mutants/run tests/mutants/table.txt \
	tests/option_effects.txt
