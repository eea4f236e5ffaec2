# tests/mutants/: promises broken on purpose. Run by tests/run.
EXTRA_DIST += tests/mutants/evidence.sh tests/mutants/run tests/mutants/table.txt
