/*
 * document.h - documents out of rows.
 */
#ifndef BACKEND_POSTGRES_DOCUMENT_H
#define BACKEND_POSTGRES_DOCUMENT_H

#include "backend/postgres/layout.h"
#include <libpq-fe.h>

/* What statements that read documents select at first, in this order. */
enum document_column {
	DOCUMENT_URL,
	DOCUMENT_TITLE,
	DOCUMENT_METADATA,
	DOCUMENT_FETCHED_AT,
	DOCUMENT_CREATED_AT,
	DOCUMENT_UPDATED_AT,
	DOCUMENT_PENDING,
	DOCUMENT_CONTENT, /* NULL: not wanted */
	DOCUMENT_EMBEDDING,
	DOCUMENT_COLUMNS
};

/* Fill doc, one of result's, in from a row.  0 or WR_ENOMEM. */
int document_read(struct document *doc, struct result *result,
		  const struct layout *l, const PGresult *res, int row);

#endif
