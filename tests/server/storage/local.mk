# tests/server/storage/local.mk
check_PROGRAMS += tests/server/storage/test_storage
TESTS += tests/server/storage/test_storage
tests_server_storage_test_storage_SOURCES = \
	tests/server/storage/main.c \
	tests/server/storage/clean_rig.c tests/server/storage/clean_rig.h \
	tests/server/storage/fixture.c tests/server/storage/fixture.h \
	tests/server/storage/test_damage.c \
	tests/server/storage/test_doomed.c \
	tests/server/storage/test_clean_model.c \
	tests/server/storage/test_clean_parts.c \
	tests/server/storage/test_clean_times.c \
	tests/server/storage/test_dump.c \
	tests/server/storage/test_faults.c \
	tests/server/storage/test_log.c \
	tests/server/storage/test_log_copy.c \
	tests/server/storage/test_log_truncate.c \
	tests/server/storage/test_logdir.c \
	tests/server/storage/test_many_segments.c \
	tests/server/storage/test_model.c \
	tests/server/storage/test_log_producers.c \
	tests/server/storage/test_producer_numbers.c \
	tests/server/storage/test_producer_runs.c \
	tests/server/storage/test_producer_state.c \
	tests/server/storage/test_index_search.c \
	tests/server/storage/test_txn_index.c \
	tests/server/storage/test_recover.c \
	tests/server/storage/test_recover_dry.c \
	tests/server/storage/test_reread.c \
	tests/server/storage/test_sealed.c \
	tests/server/storage/test_log_move.c \
	tests/server/storage/test_segment_reserve.c \
	tests/server/storage/test_verify.c \
	tests/server/storage/test_verify_state.c \
	tests/server/storage/test_retain.c \
	tests/server/storage/test_trim.c
tests_server_storage_test_storage_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DGOLDEN='"$(abs_top_srcdir)/tests/server/storage/golden"'
EXTRA_DIST += tests/server/storage/golden
tests_server_storage_test_storage_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la $(CHECK_LIBS)
