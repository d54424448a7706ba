#include "upsert.h"
#include "bench.h"
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OID_BYTEA = 17, OID_TEXT = 25, OID_TIMESTAMPTZ = 1184 };

#define FETCHED_US INT64_C(1700000000000000)

static const char copy_head[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";

const char upsert_copy_columns[] =
	"(url, title, content, embedding, content_hash, meta_hash, fetched_at, "
	"created_at, updated_at, hashed_at)";

#define INSERT                                                                \
	"INSERT INTO %s AS d (url, title, content, embedding, content_hash, " \
	"meta_hash, fetched_at, created_at, updated_at, hashed_at) SELECT "   \
	"url, title, content, embedding, content_hash, meta_hash, "           \
	"fetched_at, "                                                        \
	"now(), now(), now() FROM "
#define ON_CONFLICT                                                          \
	" ON CONFLICT (url) DO UPDATE SET title = EXCLUDED.title, "          \
	"content = EXCLUDED.content, embedding = EXCLUDED.embedding, "       \
	"content_hash = EXCLUDED.content_hash, "                             \
	"meta_hash = EXCLUDED.meta_hash, fetched_at = EXCLUDED.fetched_at, " \
	"updated_at = EXCLUDED.updated_at, hashed_at = EXCLUDED.hashed_at"

static void sha256(struct wr_str s, unsigned char *out)
{
	if (!EVP_Digest(s.ptr, s.len, out, NULL, EVP_sha256(), NULL))
		bench_die("no SHA-256");
}

void upsert_init(struct upsert *u, PGconn *conn, const char *table,
		 const struct pages *pages)
{
	*u = (struct upsert){ conn, table, pages, NULL, NULL, 0, 0, { { 0 } } };
	u->content_hashes = bench_alloc(pages->n, UPSERT_DIGEST);
	u->meta_hashes = bench_alloc(pages->n, UPSERT_DIGEST);
	for (size_t i = 0; i < pages->n; i++) {
		unsigned char title[UPSERT_DIGEST];

		sha256(pages->recs[i].content, u->content_hashes[i]);
		sha256(pages->recs[i].title, title);
		/* The other half is that of the metadata: none. */
		memcpy(u->meta_hashes[i], title, UPSERT_DIGEST / 2);
	}
	u->vector = server_type(conn, "vector");
	u->vectors = server_type(conn, "vector[]");
}

void upsert_release(struct upsert *u)
{
	free(u->content_hashes);
	free(u->meta_hashes);
	for (int i = 0; i < UPSERT_COLUMNS; i++)
		message_release(&u->messages[i]);
}

/* -------------------------------------------------------------- unnest -- */

static void put_arrays(struct upsert *u, size_t from, size_t n)
{
	const Oid elements[UPSERT_COLUMNS] = { OID_TEXT,       OID_TEXT,
					       OID_TEXT,       u->vector,
					       OID_BYTEA,      OID_BYTEA,
					       OID_TIMESTAMPTZ };
	struct message *m = u->messages;

	for (int c = 0; c < UPSERT_COLUMNS; c++) {
		m[c].len = 0;
		message_array(&m[c], elements[c], n);
	}
	for (size_t i = from; i < from + n; i++) {
		const struct wr_record *rec = &u->pages->recs[i];

		message_text(&m[0], rec->url);
		message_text(&m[1], rec->title);
		message_text(&m[2], rec->content);
		message_vector(&m[3], rec->embedding, rec->embedding_dim);
		message_bytes(&m[4], u->content_hashes[i], UPSERT_DIGEST);
		message_bytes(&m[5], u->meta_hashes[i], UPSERT_DIGEST);
		message_time(&m[6], FETCHED_US + (int64_t)i);
	}
}

static void run_unnest(struct upsert *u, size_t batch)
{
	const Oid types[UPSERT_COLUMNS] = { 1009, 1009, 1009, u->vectors,
					    1001, 1001, 1185 };
	char sql[2048];

	snprintf(sql, sizeof(sql),
		 INSERT "unnest($1, $2, $3, $4, $5, $6, $7) AS r(url, title, "
			"content, embedding, content_hash, meta_hash, "
			"fetched_at)" ON_CONFLICT,
		 u->table);
	for (size_t from = 0; from < u->pages->n; from += batch) {
		size_t n = u->pages->n - from;
		const char *values[UPSERT_COLUMNS];
		int lengths[UPSERT_COLUMNS];

		put_arrays(u, from, n < batch ? n : batch);
		for (int c = 0; c < UPSERT_COLUMNS; c++) {
			values[c] = u->messages[c].data;
			lengths[c] = (int)u->messages[c].len;
		}
		PQclear(server_query(u->conn, sql, UPSERT_COLUMNS, types,
				     values, lengths));
	}
}

/* ------------------------------------------------------- staging table -- */

static void put_row(struct upsert *u, struct message *m, size_t i)
{
	const struct wr_record *rec = &u->pages->recs[i];

	message_text(m, rec->url);
	message_text(m, rec->title);
	message_text(m, rec->content);
	message_vector(m, rec->embedding, rec->embedding_dim);
	message_bytes(m, u->content_hashes[i], UPSERT_DIGEST);
	message_bytes(m, u->meta_hashes[i], UPSERT_DIGEST);
	message_time(m, FETCHED_US + (int64_t)i);
}

static void copy_rows(struct upsert *u, size_t from, size_t n)
{
	struct message *m = &u->messages[0];
	PGresult *res;

	m->len = 0;
	for (size_t i = from; i < from + n; i++) {
		message_int2(m, UPSERT_COLUMNS);
		put_row(u, m, i);
	}
	message_int2(m, -1);
	res = PQexec(u->conn, "BEGIN; COPY stage FROM STDIN (FORMAT binary)");
	server_check(u->conn, res, "COPY");
	PQclear(res);
	if (PQputCopyData(u->conn, copy_head, sizeof(copy_head) - 1) != 1 ||
	    PQputCopyData(u->conn, m->data, (int)m->len) != 1 ||
	    PQputCopyEnd(u->conn, NULL) != 1)
		bench_die("COPY: %s", PQerrorMessage(u->conn));
	while ((res = PQgetResult(u->conn))) {
		server_check(u->conn, res, "COPY");
		PQclear(res);
	}
}

static void run_staging(struct upsert *u, size_t batch)
{
	/* Rows stay whole there: nothing is compressed or moved out of line. */
	server_do(u->conn,
		  "CREATE TEMPORARY TABLE stage (url text COLLATE \"C\", title "
		  "text, content text STORAGE EXTERNAL, embedding vector, "
		  "content_hash bytea, meta_hash bytea, fetched_at timestamptz)"
		  " WITH (toast_tuple_target = 8160) ON COMMIT DELETE ROWS");
	for (size_t from = 0; from < u->pages->n; from += batch) {
		size_t n = u->pages->n - from;

		copy_rows(u, from, n < batch ? n : batch);
		server_do(u->conn, INSERT "stage" ON_CONFLICT "; COMMIT",
			  u->table);
	}
	server_do(u->conn, "DROP TABLE stage");
}

void upsert_run(struct upsert *u, enum upsert_way way, size_t batch)
{
	if (way == UPSERT_UNNEST)
		run_unnest(u, batch);
	else
		run_staging(u, batch);
}

/* ---------------------------------------------------------------- file -- */

void upsert_dump(struct upsert *u, const char *file)
{
	struct message *m = &u->messages[0];
	FILE *out = fopen(file, "wb");

	if (!out)
		bench_die("cannot write %s", file);
	fwrite(copy_head, 1, sizeof(copy_head) - 1, out);
	for (size_t i = 0; i < u->pages->n; i++) {
		m->len = 0;
		message_int2(m, UPSERT_COLUMNS + 3);
		put_row(u, m, i);
		for (int c = 0; c < 3; c++)
			message_time(m, FETCHED_US);
		fwrite(m->data, 1, m->len, out);
	}
	m->len = 0;
	message_int2(m, -1);
	fwrite(m->data, 1, m->len, out);
	if (fclose(out))
		bench_die("cannot write %s", file);
}
