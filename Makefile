# Every recipe is what CI and people run; nothing else is needed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
