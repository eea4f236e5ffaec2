# common/: containers, buffers, errors, log, options, metrics, clock, random numbers, checksums.
noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	common/error.h common/error_table.h common/error.c
