# client/: libklient. klient.h is the only installed header.
include_HEADERS += client/klient.h
