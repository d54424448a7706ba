/* Settings and migrations, as operations. */
#include "backend/postgres/postgres.h"
#include <string.h>

int admin_settings(struct admin *a, struct wr_error *err)
{
	const struct settings *wanted = a->op->u.settings;
	int status = schema_record(a->layout, &a->session, &a->settings, wanted,
				   err);

	if (status)
		return status;
	memcpy(a->settings.embedder, wanted->embedder, SETTING_TEXT);
	memcpy(a->settings.model, wanted->model, SETTING_TEXT);
	a->settings.dim = wanted->dim;
	return 0;
}

int admin_migrate(struct admin *a, struct wr_error *err)
{
	int status =
		schema_migrate_step(a->layout, &a->session, &a->pg->progress,
				    &a->op->u.migrate.more, err);

	if (status)
		return status;
	if (a->layout->has_meta && !a->layout->plain)
		a->settings.version = SCHEMA_LATEST;
	a->op->u.migrate.version = SCHEMA_LATEST;
	return 0;
}
