/*
 * Any bytes as a file of JSON Lines, packed or not: its lines come out, and
 * what they are does not depend on how much is read at a time.
 */
#include "base/buf.h"
#include "format/input.h"
#include "format/lines.h"
#include "fuzz.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More than this is not unpacked: small files can hold gigabytes. */
enum { MOST = 1 << 22 };

static struct input *open_bytes(const uint8_t *data, size_t size, int *fd)
{
	struct input *in;
	struct wr_error err;

	*fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(*fd >= 0, "there is a file");
	must(write(*fd, data, size) == (ssize_t)size, "it is written");
	must(lseek(*fd, 0, SEEK_SET) == 0, "it is rewound");
	must(!input_open_fd(&in, *fd, "fuzz", &err), "it is opened");
	return in;
}

/* Everything that comes out: the status in the end. */
static int unpack(struct buf *to, const uint8_t *data, size_t size, size_t step)
{
	static char chunk[1 << 16];
	struct wr_error err;
	uint64_t done, total;
	struct input *in;
	ssize_t n = 0;
	int fd;

	in = open_bytes(data, size, &fd);
	while (to->len < MOST && (n = input_read(in, chunk, step, &err)) > 0)
		buf_add(to, chunk, (size_t)n);
	must(!buf_status(to), "there is memory");
	if (n < 0) {
		must(err.status == n && err.message[0], "an error says what");
		must(input_read(in, chunk, step, NULL) == n, "and stays");
	}
	input_progress(in, &done, &total);
	must(done <= size && total == size, "progress is in the file");
	input_close(in);
	close(fd);
	return to->len < MOST ? (int)n : 0;
}

/* Lines hold no line feed, and are counted. */
static void check_lines(const uint8_t *data, size_t size)
{
	struct wr_error err;
	struct lines lines;
	struct wr_str line;
	struct input *in;
	uint64_t before = 0;
	int fd, n;

	in = open_bytes(data, size, &fd);
	lines_init(&lines, in, 1000);
	while ((n = lines_next(&lines, &line, &err)) == 1 || n == WR_EDATA) {
		must(lines.number == ++before, "lines are counted");
		must(line.len <= 1000, "a line is not too long");
		must(!line.len || !memchr(line.ptr, '\n', line.len),
		     "a line is one line");
		if (before > MOST / 16)
			break;
	}
	lines_release(&lines);
	input_close(in);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	int status = unpack(&whole, data, size, 1 << 16);
	int again = unpack(&pieces, data, size, 501);

	if (whole.len < MOST && pieces.len < MOST) {
		must(status == again, "the end is the same");
		if (!status)
			must(whole.len == pieces.len &&
				     (!whole.len ||
				      !memcmp(whole.ptr, pieces.ptr,
					      whole.len)),
			     "the bytes are the same");
	}
	check_lines(data, size);
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
