#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "base/text.h"
#include "format/html.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct html_page page;

static int teardown(void **state)
{
	(void)state;
	html_page_release(&page);
	return 0;
}

static void read_bytes(struct wr_str bytes)
{
	struct wr_error err = { 0 };

	if (html_read(&page, bytes, &err))
		fail_msg("%s", err.message);
	assert_true(text_is_clean(buf_str(&page.title)));
	assert_true(text_is_clean(buf_str(&page.text)));
}

static void read_text(const char *html)
{
	read_bytes(str_of(html));
}

static void expect_buf(const struct buf *got, const char *want)
{
	if (!str_eq(buf_str(got), str_of(want)))
		fail_msg("\n\"%.*s\", not\n\"%s\"", (int)got->len,
			 got->ptr ? got->ptr : "", want);
}

static void expect(const char *html, const char *text)
{
	read_text(html);
	expect_buf(&page.text, text);
}

static void expect_title(const char *html, const char *title)
{
	read_text(html);
	expect_buf(&page.title, title);
}

static void the_title_is_folded_and_decoded(void **state)
{
	(void)state;
	expect_title("<html><head><title>\n A &amp; B\t&mdash; "
		     "C&nbsp;D</title></head><body><h1>H</h1>x",
		     "A & B \xe2\x80\x94 C D");
	expect_title("<title>First</title><title>Second</title><p>x", "First");
	expect_title("<svg><title>Icon</title></svg><p>x", "");
}

static void the_first_heading_stands_in_for_a_title(void **state)
{
	(void)state;
	expect_title("<body><h1>One <b>word</b></h1><h1>Two</h1>", "One word");
	expect_title("<title> </title><h1>One</h1>", "One");
	expect_title("<h1>One<br>two<img alt='three'></h1>", "One two three");
	expect_title("<p>nothing", "");
}

static void blocks_become_lines_and_paragraphs(void **state)
{
	(void)state;
	expect("<p>One\n  two</p><p>three<br>four</p><div>five</div>six",
	       "One two\n\nthree\nfour\n\nfive\nsix");
	expect("<h2>H</h2>a<hr>b<blockquote>c</blockquote>d",
	       "H\n\na\n\nb\n\nc\n\nd");
	expect("a<span> b</span><i>c</i> <b> d</b>", "a bc d");
	expect("  <p>  </p> a  ", "a");
	expect("a<br><br>b<br/>c", "a\n\nb\nc");
}

static void list_items_stand_on_their_own_lines(void **state)
{
	(void)state;
	expect("x<ul><li>a<li><p>b</p></li><li>c<ul><li>d</li></ul></li></ul>"
	       "y",
	       "x\n\na\nb\nc\nd\n\ny");
	expect("<dl><dt>term</dt><dd><p>one</p></dd><dt>next</dt>"
	       "<dd><p>two</p><p>three</p></dd><dt>last</dt></dl>",
	       "term\none\nnext\ntwo\n\nthree\n\nlast");
}

static void cells_are_parted_by_tabs(void **state)
{
	(void)state;
	expect("<table><tr><th>A</th><th>B</th></tr>"
	       "<tr><td><p>1</p></td><td>2</td><td></td></tr></table>z",
	       "A\tB\n1\t2\n\nz");
	expect("<table><tr><td>a<br>b</td><td>c</td></tr></table>", "a\nb\nc");
}

static void preformatted_text_keeps_its_lines(void **state)
{
	(void)state;
	expect("a<pre>\n  one\n\n    two\r\n</pre>b",
	       "a\n\n  one\n\n    two\n\nb");
	expect("<pre>x  <b>y\tz</b></pre>", "x  y\tz");
}

static void what_is_not_to_be_read_is_dropped(void **state)
{
	(void)state;
	expect("a<script>var x='<p>no</p>';</script>"
	       "<style>p{}</style><noscript>no</noscript>"
	       "<template><p>no</p></template><svg><text>no</text></svg>"
	       "<iframe>no</iframe><!-- no --><textarea>no</textarea>"
	       "<select><option>no</option></select><button>no</button>b",
	       "ab");
	expect("a<p hidden>no</p><p style='color:red; DISPLAY : none'>no</p>"
	       "<i aria-hidden=true>no</i><dialog>no</dialog>b",
	       "a\n\nb");
}

static void navigation_is_dropped(void **state)
{
	(void)state;
	expect("<nav><a>no</a></nav><p>yes</p><footer>no</footer>"
	       "<div role=navigation>no</div><div class='x NavHeader'>no</div>"
	       "<div class=\"sphinxsidebar\">no<div>no</div></div>"
	       "<div id=footer>no</div><aside>kept</aside>"
	       "<h2>H<a class=headerlink>&para;</a></h2>",
	       "yes\n\nkept\n\nH");
	expect("<body class=footer hidden><article class=nav>kept", "kept");
	expect("<div class='navy related-work'>kept</div>", "kept");
}

static void a_page_that_is_all_navigation_is_read_all_the_same(void **state)
{
	(void)state;
	expect("<nav>Home<ul><li>a</li></ul><script>no</script></nav>",
	       "Home\n\na");
}

static void pictures_speak_by_their_alt_text(void **state)
{
	(void)state;
	expect("a<img alt='a &lt;chart&gt;' src=x>b<img src=y><img alt=''>",
	       "a a <chart> b");
}

static void entities_and_numbers_are_decoded(void **state)
{
	(void)state;
	expect("&lt;&amp;&gt; &eacute; &#233; &#xe9; &euro; &#150; &#8212;",
	       "<&> \xc3\xa9 \xc3\xa9 \xc3\xa9 \xe2\x82\xac \xe2\x80\x93 "
	       "\xe2\x80\x94");
	expect("a&nbsp;&#160;b&shy;c&#8203;d", "a bcd");
	expect("AT&T &unknown; &#0; &#xD800; &#99999999; x",
	       "AT&T &unknown; x");
}

static void charsets_are_told_apart(void **state)
{
	static const char utf16[] = "\xff\xfe<\0p\0>\0\xe9\0\x3d\xd8\0\xde";

	(void)state;
	expect("<p>na\xc3\xafve", "na\xc3\xafve");
	expect("<p>na\xefve \x80 \x93q\x94",
	       "na\xc3\xafve \xe2\x82\xac \xe2\x80\x9cq\xe2\x80\x9d");
	expect("<meta charset=iso-8859-1><p>\x80\xe9", "\xe2\x82\xac\xc3\xa9");
	expect("<meta http-equiv='Content-Type' "
	       "content='text/html; charset=KOI8-R'><p>\xf0",
	       "\xd0\x9f");
	expect("<!-- <meta charset=koi8-r> --><meta charset='Shift_JIS'>"
	       "<p>\x93\xfa\x96\x7b",
	       "\xe6\x97\xa5\xe6\x9c\xac");
	expect("<?xml version='1.0' encoding='windows-1251'?><p>\xcf",
	       "\xd0\x9f");
	expect("\xef\xbb\xbf<meta charset=koi8-r><p>\xc3\xa9", "\xc3\xa9");
	expect("<meta charset=utf-8><p>a\xff"
	       "b",
	       "a\xef\xbf\xbd"
	       "b");
	expect("<meta charset=no-such><p>\xe9", "\xc3\xa9");
	read_bytes((struct wr_str){ utf16, sizeof(utf16) - 1 });
	expect_buf(&page.text, "\xc3\xa9\xf0\x9f\x98\x80");
}

static void broken_markup_is_read(void **state)
{
	(void)state;
	expect("<p>a<b>b</p>c</i></div></body></html>d", "ab\n\nc\n\nd");
	expect("<p>5 < 6 && 7 > 3 <3", "5 < 6 && 7 > 3 <3");
	expect("<p>x<a href='unclosed>y", "x");
	expect("plain text only", "plain text only");
	expect("", "");
	expect("<", "<");
	read_bytes((struct wr_str){ "a\0b\x01"
				    "c\x0c"
				    "d",
				    7 });
	expect_buf(&page.text, "ab c d");
}

/* Seconds that reading takes. */
static double time_to_read(const struct buf *b)
{
	struct timespec from, to;

	assert_int_equal(buf_status(b), 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	read_bytes(buf_str(b));
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) +
	       (double)(to.tv_nsec - from.tv_nsec) * 1e-9;
}

static void repeat(struct buf *b, const char *s, size_t n)
{
	while (n--)
		buf_puts(b, s);
}

/*
 * Would take minutes if it took time in the square of the length; bounds are
 * wide for slow machines with sanitizers.
 */
static void hostile_pages_take_linear_time(void **state)
{
	static const struct {
		const char *first, *again, *last;
		size_t n;
	} pages[] = {
		{ "", "<div>", "end", 100000 },
		{ "", "<b><i>", "end", 100000 },
		{ "", "<ul><li>", "end", 100000 },
		{ "", "<table><tr><td>", "end", 100000 },
		{ "", "<nav>", "end", 100000 },
		{ "", "<pre> ", "end", 100000 },
		{ "<i>", "<div></i>", "end", 200000 },
		{ "<p>", "</x>", "end", 150000 },
		{ "<a ", "a1 b2 c3=4 ", ">end", 1 },
		{ "", "<!--", "end", 150000 },
		{ "", "<script>", "</script>end", 100000 },
		{ "", "&amp", "end", 150000 },
		{ "", "<p title=\"", "\">end", 100000 },
		{ "<p>", "\n", "end", 500000 },
		{ "", "<!doctype html>", "end", 200000 },
		{ "", "<html><body>", "end", 200000 },
	};
	struct buf b = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		double seconds;

		buf_clear(&b);
		buf_puts(&b, pages[i].first);
		repeat(&b, pages[i].again, pages[i].n);
		buf_puts(&b, pages[i].last);
		seconds = time_to_read(&b);
		if (seconds > 20)
			fail_msg("%s... took %.1f s", pages[i].again, seconds);
	}
	buf_release(&b);
}

static void a_tag_may_have_any_number_of_attributes(void **state)
{
	struct buf b = { 0 };
	double seconds;

	(void)state;
	buf_puts(&b, "<p>a<b ");
	for (int i = 0; i < 300000; i++)
		buf_printf(&b, "a%d=%d ", i, i);
	buf_puts(&b, ">b</b><!-- <c ");
	repeat(&b, "x ", 1000);
	buf_puts(&b, "--><script>i <n ");
	repeat(&b, "1, ", 1000);
	buf_puts(&b, "</script>c");
	seconds = time_to_read(&b);
	expect_buf(&page.text, "abc");
	assert_true(seconds < 20);
	buf_release(&b);
}

static void text_below_any_depth_is_kept(void **state)
{
	struct buf b = { 0 };

	(void)state;
	repeat(&b, "<div>", 100000);
	buf_puts(&b, "deep");
	repeat(&b, "</div>", 100000);
	buf_puts(&b, "<p>after");
	read_bytes(buf_str(&b));
	expect_buf(&page.text, "deep\n\nafter");

	buf_clear(&b);
	for (int i = 0; i < 2000; i++)
		buf_printf(&b, "<font>w%d ", i);
	read_bytes(buf_str(&b));
	assert_non_null(strstr(page.text.ptr, "w510 w511 w512 w513 w514 "));
	assert_non_null(strstr(page.text.ptr, "w1998 w1999"));
	buf_release(&b);
}

static void a_long_title_is_cut_between_characters(void **state)
{
	struct buf b = { 0 };

	(void)state;
	buf_puts(&b, "<title>x");
	repeat(&b, "\xc3\xa9", 100000);
	buf_puts(&b, "</title><p>text");
	read_bytes(buf_str(&b));
	assert_int_equal(page.title.len, 1999);
	expect_buf(&page.text, "text");
	buf_release(&b);
}

static void bytes_at_random_are_pages(void **state)
{
	static const char *const pieces[] = {
		"<p>",	 "</p>",     "<table>",	 "<td>",      "</tr>",
		"<li>",	 "</ul>",    "<script>", "</script>", "<!--",
		"-->",	 "&#x",	     "&amp;",	 "<pre>",     "</pre>",
		"<br",	 "='",	     "\"",	 ">",	      "<svg",
		"\xc2",	 "\xe2\x80", "\xff",	 "<title>",   "</title>",
		"<a b=", "<h1>",     "text ",	 "<nav>",     "</nav>",
	};
	const size_t n = sizeof(pieces) / sizeof(*pieces);
	struct rand_state rnd = { 7 };
	struct buf b = { 0 };

	(void)state;
	for (int i = 0; i < 3000; i++) {
		buf_clear(&b);
		for (uint64_t j = rand_below(&rnd, 40); j; j--)
			buf_puts(&b, pieces[rand_below(&rnd, n)]);
		read_bytes(buf_str(&b));
	}
	buf_release(&b);
}

static bool refuse_after(void *arg)
{
	int *left = arg;

	return (*left)-- > 0;
}

static void memory_that_runs_out_is_an_error(void **state)
{
	static const char html[] = "<title>a\xe9</title><h1>b</h1>"
				   "<p>text<ul><li>item</ul>";
	int status = WR_ENOMEM;

	(void)state;
	for (int n = 0; status == WR_ENOMEM; n++) {
		struct html_page fresh = { 0 };
		int left = n;

		assert_true(n < 1000);
		mem_set_gate(refuse_after, &left);
		status = html_read(&fresh, str_of(html), NULL);
		mem_set_gate(NULL, NULL);
		html_page_release(&fresh);
	}
	assert_int_equal(status, 0);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_title_is_folded_and_decoded),
		TEST(the_first_heading_stands_in_for_a_title),
		TEST(blocks_become_lines_and_paragraphs),
		TEST(list_items_stand_on_their_own_lines),
		TEST(cells_are_parted_by_tabs),
		TEST(preformatted_text_keeps_its_lines),
		TEST(what_is_not_to_be_read_is_dropped),
		TEST(navigation_is_dropped),
		TEST(a_page_that_is_all_navigation_is_read_all_the_same),
		TEST(pictures_speak_by_their_alt_text),
		TEST(entities_and_numbers_are_decoded),
		TEST(charsets_are_told_apart),
		TEST(broken_markup_is_read),
		TEST(hostile_pages_take_linear_time),
		TEST(a_tag_may_have_any_number_of_attributes),
		TEST(text_below_any_depth_is_kept),
		TEST(a_long_title_is_cut_between_characters),
		TEST(bytes_at_random_are_pages),
		TEST(memory_that_runs_out_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
