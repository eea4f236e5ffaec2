# deploy/: local clusters, the quickstart, what has to be installed, and completion.
EXTRA_DIST += \
	deploy/cluster \
	deploy/install-packages \
	deploy/packages.txt \
	deploy/quickstart \
	deploy/zookeeper
completiondir = $(datadir)/bash-completion/completions
dist_completion_DATA = deploy/completion/kairn.bash
