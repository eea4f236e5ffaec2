# deploy/local.mk
