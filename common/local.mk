# common/: containers, buffers, errors, log, options, metrics, clock, random numbers, checksums.
noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = \
	common/arena.h common/arena.c \
	common/buffer.h common/buffer.c \
	common/chain.h common/chain.c \
	common/clock.h common/clock.c \
	common/compress.h common/compress_codecs.h common/compress.c common/compress_gzip.c \
	common/compress_lz4.c common/compress_snappy.c common/compress_zstd.c \
	common/crc32c.h common/crc32c.c common/crc32c_x86.h common/crc32c_x86.c \
	common/cursor.h common/cursor.c \
	common/descriptors.h common/descriptors.c \
	common/endian.h \
	common/error.h common/error_table.h common/error.c \
	common/feature.h common/feature_table.h common/feature.c \
	common/hdr.h common/hdr.c \
	common/heap.h common/heap.c \
	common/json_check.h common/json_check.c \
	common/later.h \
	common/list.h \
	common/log.h common/log.c common/log_flood.h common/log_flood.c \
	common/mail.h \
	common/map.h common/map.c \
	common/metric.h common/metric_table.h common/metric.c \
	common/pairs.h common/pairs.c \
	common/options.h common/options.c common/options_file.c common/options_docs.c \
	common/quantity.h common/quantity.c \
	common/rand.h common/rand.c \
	common/slab.h common/slab.c \
	common/utf8.h common/utf8.c \
	common/uuid.h common/uuid.c \
	common/varint.h
libcommon_la_CPPFLAGS = $(AM_CPPFLAGS) $(ZLIB_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS)
libcommon_la_LIBADD = $(ZLIB_LIBS) $(LZ4_LIBS) $(SNAPPY_LIBS) $(ZSTD_LIBS)

# For those who take names by regular expression; a library of its own, or every program would
# need PCRE2.
noinst_LTLIBRARIES += libpattern.la
libpattern_la_SOURCES = common/pattern.h common/pattern.c
libpattern_la_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS)
libpattern_la_LIBADD = $(PCRE2_LIBS)
