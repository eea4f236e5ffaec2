# server/storage/local.mk
