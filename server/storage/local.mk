# server/storage/local.mk
noinst_LTLIBRARIES += libstorage.la
libstorage_la_SOURCES = \
	server/storage/batch_file.c server/storage/batch_file.h \
	server/storage/checkpoint.c server/storage/checkpoint.h \
	server/storage/clean_batch.c server/storage/clean_batch.h \
	server/storage/clean_internal.h \
	server/storage/clean_job.c server/storage/clean_job.h \
	server/storage/clean_map.c server/storage/clean_map.h \
	server/storage/clean_plan.c server/storage/clean_plan.h \
	server/storage/clean_segments.c server/storage/clean_segments.h \
	server/storage/clean_swap.c \
	server/storage/clean_txn.c server/storage/clean_txn.h \
	server/storage/doomed.c server/storage/doomed.h \
	server/storage/dump.c server/storage/dump.h server/storage/dump_internal.h \
	server/storage/dump_index.c \
	server/storage/dump_log.c \
	server/storage/dump_state.c \
	server/storage/epoch_file.c server/storage/epoch_file.h \
	server/storage/file_name.c server/storage/file_name.h \
	server/storage/identity.c server/storage/identity.h \
	server/storage/index.c server/storage/index.h \
	server/storage/index_offset.c server/storage/index_offset.h \
	server/storage/index_search.c server/storage/index_search.h \
	server/storage/index_time.c server/storage/index_time.h \
	server/storage/io.c server/storage/io.h \
	server/storage/io_budget.c server/storage/io_budget.h \
	server/storage/io_dry.c server/storage/io_dry.h \
	server/storage/io_life.c server/storage/io_life.h \
	server/storage/log.c server/storage/log.h server/storage/log_internal.h \
	server/storage/log_append.c \
	server/storage/log_copy.c \
	server/storage/log_epochs.c \
	server/storage/log_flush.c \
	server/storage/log_load.c \
	server/storage/log_move.c server/storage/log_move.h \
	server/storage/log_producers.c server/storage/log_producers.h \
	server/storage/log_rest.c \
	server/storage/log_read.c \
	server/storage/log_recover.c \
	server/storage/log_retain.c server/storage/log_retain.h \
	server/storage/log_time.c \
	server/storage/log_truncate.c \
	server/storage/log_trim.c server/storage/log_trim.h \
	server/storage/logdir.c server/storage/logdir.h server/storage/logdir_internal.h \
	server/storage/logdir_entries.c \
	server/storage/logdir_incarnation.c \
	server/storage/logdir_marks.c \
	server/storage/producer_files.c server/storage/producer_files.h \
	server/storage/producer_runs.c server/storage/producer_runs.h \
	server/storage/producer_state.c server/storage/producer_state.h \
	server/storage/recover_dry.c server/storage/recover_dry.h \
	server/storage/segment.c server/storage/segment.h \
	server/storage/segment_aborted.c \
	server/storage/segment_lookup.c server/storage/segment_lookup.h \
	server/storage/segment_newest.c \
	server/storage/segment_reserve.c \
	server/storage/segment_resync.c \
	server/storage/segment_times.c \
	server/storage/segment_scan.c \
	server/storage/txn_index.c server/storage/txn_index.h \
	server/storage/verify.c server/storage/verify.h server/storage/verify_internal.h \
	server/storage/verify_directory.c \
	server/storage/verify_index.c \
	server/storage/verify_segment.c \
	server/storage/verify_state.c
