/*
 * json_oracle.h - what jansson makes of a text, to compare with.
 *
 * In a file of its own because jansson has names that are ours too.
 */
#ifndef TESTS_BASE_JSON_ORACLE_H
#define TESTS_BASE_JSON_ORACLE_H

#include <stddef.h>

/*
 * The text written compactly and sorted by name, free() it; NULL where jansson
 * refuses it.
 */
char *oracle_rewrite(const char *text, size_t len);

#endif
