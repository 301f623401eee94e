#include "protocol/nvhttp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/check_xml.h"

// --- queries

static struct es_query query; // large

static bool parse(const char *text) {
	return query_parse(&query, text, strlen(text));
}

static void assert_param(const char *name, const char *value) {
	const char *found = query_get(&query, name);
	assert_non_null(found);
	assert_string_equal(value, found);
}

static void test_query(void **state) {
	assert_true(parse("uniqueid=0123456789ABCDEF&uuid=x&Mode=1280x720x60&empty=&bare&a=b=c"));
	assert_int_equal(6, query.n_params);
	assert_param("uniqueid", "0123456789ABCDEF");
	assert_param("UNIQUEID", "0123456789ABCDEF");
	assert_param("mode", "1280x720x60");
	assert_param("empty", "");
	assert_param("bare", "");
	assert_param("a", "b=c");
	assert_null(query_get(&query, "uniquei"));
	assert_null(query_get(&query, "uniqueidx"));
	assert_null(query_get(&query, ""));
	assert_true(parse("a=1&A=2&a=3")); // the first counts
	assert_param("a", "1");
	assert_true(parse(""));
	assert_int_equal(0, query.n_params);
	assert_true(parse("&&=x&&a=1&"));
	assert_int_equal(1, query.n_params);
	assert_param("a", "1");
}

static void test_query_escapes(void **state) {
	assert_true(parse("device%4eame=Living+Room%20%c3%A4%26%3D%2b&%41=1"));
	assert_param("devicename", "Living Room \xc3\xa4&=+");
	assert_param("a", "1");
	static const char *const bad[] = {
			"a=%", "a=%4", "a=%4g", "a=%g4", "a=%%41", "a=%00", "a%00=1", "a=1&b=%-1", "%"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(parse(bad[i]));
		assert_int_equal(0, query.n_params);
	}
	assert_false(query_parse(&query, "a=b\0c", 5));
	assert_false(query_parse(&query, "a\0=b", 4));
	assert_true(query_parse(&query, "a=%41", 5));
	assert_false(query_parse(&query, "a=%41", 4)); // the size counts
}

static void test_query_limits(void **state) {
	char text[ES_QUERY_MAX_PARAMS * 4 + 8] = "";
	for (int i = 0; i < ES_QUERY_MAX_PARAMS; i++) {
		snprintf(text + strlen(text), 5, "a=1&");
	}
	assert_true(parse(text));
	assert_int_equal(ES_QUERY_MAX_PARAMS, query.n_params);
	snprintf(text + strlen(text), 5, "a=1");
	assert_false(parse(text));
	char *longest = malloc(ES_QUERY_MAX_SIZE + 1);
	assert_non_null(longest);
	memset(longest, 'x', ES_QUERY_MAX_SIZE + 1);
	assert_false(query_parse(&query, longest, ES_QUERY_MAX_SIZE + 1));
	assert_true(query_parse(&query, longest, ES_QUERY_MAX_SIZE));
	assert_int_equal(ES_QUERY_MAX_SIZE, strlen(query.params[0].name));
	longest[1] = '=';
	assert_true(query_parse(&query, longest, ES_QUERY_MAX_SIZE));
	assert_int_equal(ES_QUERY_MAX_SIZE - 2, strlen(query_get(&query, "x")));
	free(longest);
}

static void test_unique_id(void **state) {
	static const char *const good[] = {"uniqueid=0123456789ABCDEF", "uniqueid=a", "UniqueId=a-b_c",
			"uniqueid=0123456789012345678901234567890123456789012345678901234567890123"};
	static const char *const bad[] = {"", "uniqueid=", "uniqueid=a%20b", "uniqueid=../x",
			"uniqueid=%c3%a4", "uniqueid=<x>", "uuid=1",
			"uniqueid=01234567890123456789012345678901234567890123456789012345678901234"};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse(good[i]));
		assert_string_equal(strchr(good[i], '=') + 1, query_unique_id(&query));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(parse(bad[i]));
		assert_null(query_unique_id(&query));
	}
}

// --- launch

#define RIKEY "rikey=000102030405060708090a0b0c0d0eFF"

static struct es_launch_params params;
static char error[160];

static bool launch(const char *text) {
	snprintf(error, sizeof(error), "-");
	memset(&params, 0x55, sizeof(params));
	assert_true(parse(text));
	bool ok = launch_params_parse(&params, &query, true, error, sizeof(error));
	assert_true(ok == (strcmp(error, "-") == 0));
	static const struct es_launch_params zero;
	assert_true(ok || memcmp(&zero, &params, sizeof(zero)) == 0);
	return ok;
}

static void test_launch_of_a_client(void **state) {
	assert_true(launch("uniqueid=0123456789ABCDEF&uuid=5c7f&appid=881448767&mode=1920x1080x120&"
					   "additionalStates=1&sops=0&" RIKEY "&rikeyid=-1718205113&hdrMode=1&"
					   "clientHdrCapVersion=0&clientHdrCapSupportedFlagsInUint32=0&"
					   "clientHdrCapMetaDataId=NV_STATIC_METADATA_TYPE_1&"
					   "clientHdrCapDisplayData=0x0x0x0x0x0x0x0x0x0x0&localAudioPlayMode=1&"
					   "surroundAudioInfo=4128774&remoteControllersBitmap=3&gcmap=3&gcpersist=0&"
					   "corever=1"));
	static const uint8_t key[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255};
	assert_memory_equal(key, params.key, sizeof(key));
	assert_int_equal((uint32_t)-1718205113, params.key_id);
	assert_true(params.has_app && params.has_mode && params.hdr && params.play_on_host);
	assert_int_equal(881448767, params.app_id);
	assert_int_equal(1920, params.mode.width);
	assert_int_equal(1080, params.mode.height);
	assert_int_equal(120000, params.mode.refresh_mhz);
	assert_int_equal(0x3f, params.surround_mask);
	assert_int_equal(6, params.surround_channels);
	assert_int_equal(3, params.pads);
	assert_int_equal(1, params.corever);
}

static void test_launch_least(void **state) {
	assert_true(launch("appid=1&rikeyid=0&" RIKEY));
	assert_false(params.has_mode || params.hdr || params.play_on_host);
	assert_int_equal(0, params.corever);
	assert_int_equal(3, params.surround_mask);
	assert_int_equal(2, params.surround_channels);
	assert_int_equal(0, params.pads);
	assert_false(launch("rikeyid=0&" RIKEY));
	assert_non_null(strstr(error, "appid"));
	assert_true(parse("rikeyid=0&" RIKEY)); // to resume
	assert_true(launch_params_parse(&params, &query, false, error, sizeof(error)));
	assert_false(params.has_app);
}

static void test_launch_mode(void **state) {
	static const struct {
		const char *text;
		int32_t refresh_mhz;
	} good[] = {{"1280x720x60", 60000}, {"16x16x1", 1000}, {"8192x8192x1000", 1000000},
			{"1280x720x1001", 1001}, {"1280x720x59940", 59940}, {"1280x720x1000000", 1000000}};
	char text[256];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "appid=1&rikeyid=0&" RIKEY "&mode=%s", good[i].text);
		assert_true(launch(text));
		assert_true(params.has_mode);
		assert_int_equal(good[i].refresh_mhz, params.mode.refresh_mhz);
	}
	static const char *const bad[] = {"", "x", "1280x720", "1280x720x", "1280x720x0",
			"1280x720x1000001", "15x720x60", "1280x15x60", "8193x720x60", "1280x8193x60",
			"-1280x720x60", "1280x720x-60", "1280x720x60x", "1280x720x60.0", " 1280x720x60",
			"1280X720X60", "1280x720x60 ", "0x0x0", "4294968576x720x60",
			"99999999999999999999999x1x1", "1280x720x18446744073709551676"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "appid=1&rikeyid=0&" RIKEY "&mode=%s", bad[i]);
		assert_false(launch(text));
		assert_non_null(strstr(error, "mode="));
	}
}

static void test_launch_key(void **state) {
	static const char *const bad[] = {"", "00", "000102030405060708090a0b0c0d0e0",
			"000102030405060708090a0b0c0d0e0ff", "000102030405060708090a0b0c0d0e0f00",
			"000102030405060708090a0b0c0d0egg", "0x0102030405060708090a0b0c0d0e0f"};
	char text[256];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "appid=1&rikeyid=0&rikey=%s", bad[i]);
		assert_false(launch(text));
		assert_non_null(strstr(error, "rikey"));
		assert_true(bad[i][0] == '\0' || strlen(bad[i]) < 8 || strstr(error, bad[i]) == NULL);
	}
	assert_false(launch("appid=1&rikeyid=0"));
	assert_string_equal("The parameter rikey is missing", error);
	assert_false(launch("appid=1&" RIKEY));
	assert_string_equal("The parameter rikeyid is missing", error);
}

static void test_launch_key_id(void **state) {
	static const struct {
		const char *text;
		uint32_t id;
	} good[] = {{"0", 0}, {"-1", 0xffffffff}, {"-2147483648", 0x80000000},
			{"2147483647", 0x7fffffff}, {"-0", 0}, {"0016909060", 0x1020304}};
	char text[256];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "appid=1&" RIKEY "&rikeyid=%s", good[i].text);
		assert_true(launch(text));
		assert_int_equal(good[i].id, params.key_id);
	}
	static const char *const bad[] = {"", "-", "%2b1", "2147483648", "-2147483649", "4294967295",
			"1.0", "0x10", " 1", "1 ", "--1", "99999999999999999999999999"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "appid=1&" RIKEY "&rikeyid=%s", bad[i]);
		assert_false(launch(text));
		assert_non_null(strstr(error, "rikeyid"));
	}
}

static void test_launch_numbers(void **state) {
	static const char *const good[] = {"appid=2147483647", "appid=1&surroundAudioInfo=196610",
			"appid=1&surroundAudioInfo=104792072", "appid=1&gcmap=-1", "appid=1&hdrMode=0"};
	static const char *const bad[] = {"appid=0", "appid=-1", "appid=2147483648",
			"appid=", "appid=1x", "appid=1&surroundAudioInfo=0", "appid=1&surroundAudioInfo=2",
			"appid=1&surroundAudioInfo=196608", "appid=1&surroundAudioInfo=196617",
			"appid=1&surroundAudioInfo=-1", "appid=1&corever=-1", "appid=1&corever=x",
			"appid=1&hdrMode=yes", "appid=1&localAudioPlayMode=", "appid=1&gcmap=1,2",
			"appid=1&remoteControllersBitmap=4294967296"};
	char text[256];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), RIKEY "&rikeyid=1&%s", good[i]);
		if (!launch(text)) {
			fail_msg("%s: %s", good[i], error);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), RIKEY "&rikeyid=1&%s", bad[i]);
		if (launch(text)) {
			fail_msg("%s is taken", bad[i]);
		}
		const char *name = strchr(bad[i], '&') != NULL ? strchr(bad[i], '&') + 1 : bad[i];
		char wanted[32] = "";
		memcpy(wanted, name, strcspn(name, "="));
		assert_non_null(strstr(error, wanted));
	}
}

// A long value does not get past the end of the reason.
static void test_launch_long_values(void **state) {
	char text[2048] = "rikeyid=1&" RIKEY "&appid=1&mode=";
	memset(text + strlen(text), '9', 1500);
	assert_false(launch(text));
	assert_true(strlen(error) < sizeof(error) - 1);
	char tiny[8];
	assert_false(launch_params_parse(&params, &query, true, tiny, sizeof(tiny)));
	assert_int_equal(7, strlen(tiny));
}

// --- answers

static char data[8192];

static struct es_xml new_xml(void) {
	memset(data, 0x55, sizeof(data));
	return (struct es_xml){.data = data, .cap = sizeof(data)};
}

static void assert_document(const struct es_xml *xml, const char *expected) {
	assert_true(xml->ok);
	assert_int_equal(strlen(data), xml->size);
	assert_true(xml_well_formed(xml->data, xml->size));
	char whole[sizeof(data)];
	snprintf(whole, sizeof(whole), "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n%s\n", expected);
	assert_string_equal(whole, data);
}

static void test_serverinfo(void **state) {
	const struct es_mode modes[] = {{1280, 720, 60000}, {1920, 1080, 59940}};
	struct es_serverinfo info = {.host_name = "box & <co>",
			.unique_id = "0D0F-uuid",
			.mac = "00:00:00:00:00:00",
			.local_ip = "192.0.2.1",
			.http_port = 47989,
			.https_port = 47984,
			.codec_support = ES_CODEC_SUPPORT_H264,
			.modes = modes,
			.n_modes = 2};
	struct es_xml xml = new_xml();
	assert_true(xml_serverinfo(&xml, &info));
	assert_document(&xml,
			"<root status_code=\"200\"><hostname>box &amp; &lt;co&gt;</hostname>"
			"<appversion>7.1.431.-1</appversion><GfeVersion>3.23.0.74</GfeVersion>"
			"<uniqueid>0D0F-uuid</uniqueid><HttpsPort>47984</HttpsPort>"
			"<ExternalPort>47989</ExternalPort><MaxLumaPixelsHEVC>0</MaxLumaPixelsHEVC>"
			"<mac>00:00:00:00:00:00</mac><LocalIP>192.0.2.1</LocalIP>"
			"<ServerCodecModeSupport>1</ServerCodecModeSupport><PairStatus>0</PairStatus>"
			"<currentgame>0</currentgame><state>SUNSHINE_SERVER_FREE</state>"
			"<SupportedDisplayMode><DisplayMode><Width>1280</Width><Height>720</Height>"
			"<RefreshRate>60</RefreshRate></DisplayMode><DisplayMode><Width>1920</Width>"
			"<Height>1080</Height><RefreshRate>60</RefreshRate></DisplayMode>"
			"</SupportedDisplayMode></root>");
	info.codec_support = ES_CODEC_SUPPORT_H264 | ES_CODEC_SUPPORT_HEVC10 | ES_CODEC_SUPPORT_AV1;
	info.paired = true;
	info.current_game = 2147483647;
	char text[64];
	xml = new_xml();
	assert_true(xml_serverinfo(&xml, &info));
	static const char *const expected[][2] = {{"MaxLumaPixelsHEVC", "1869449984"},
			{"ServerCodecModeSupport", "66049"}, {"PairStatus", "1"}, {"currentgame", "2147483647"},
			{"state", "SUNSHINE_SERVER_BUSY"}, {"hostname", "box & <co>"}};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		assert_true(xml_find_text(data, expected[i][0], text, sizeof(text)));
		assert_string_equal(expected[i][1], text);
	}
	assert_true(xml_well_formed(data, xml.size));
}

static void test_answers(void **state) {
	struct es_xml xml = new_xml();
	const struct es_applist_entry apps[] = {{1, "Steam", false}, {7, "\"A\" 'B'", true}};
	assert_true(xml_applist(&xml, apps, 2));
	assert_document(&xml,
			"<root status_code=\"200\"><App><IsHdrSupported>0</IsHdrSupported><AppTitle>Steam"
			"</AppTitle><ID>1</ID></App><App><IsHdrSupported>1</IsHdrSupported><AppTitle>"
			"&quot;A&quot; &apos;B&apos;</AppTitle><ID>7</ID></App></root>");
	assert_true(xml_applist(&xml, NULL, 0));
	assert_document(&xml, "<root status_code=\"200\"></root>");
	assert_true(xml_paired(&xml, true, "plaincert", "2d2d"));
	assert_document(
			&xml, "<root status_code=\"200\"><paired>1</paired><plaincert>2d2d</plaincert></root>");
	assert_true(xml_paired(&xml, false, NULL, NULL));
	assert_document(&xml, "<root status_code=\"200\"><paired>0</paired></root>");
	assert_true(xml_launched(&xml, "rtspenc://192.0.2.1:48010", false));
	assert_document(&xml,
			"<root status_code=\"200\"><sessionUrl0>rtspenc://192.0.2.1:48010</sessionUrl0>"
			"<gamesession>1</gamesession></root>");
	assert_true(xml_launched(&xml, "rtsp://192.0.2.1:48010", true));
	assert_document(&xml,
			"<root status_code=\"200\"><sessionUrl0>rtsp://192.0.2.1:48010</sessionUrl0>"
			"<resume>1</resume></root>");
	assert_true(xml_cancelled(&xml));
	assert_document(&xml, "<root status_code=\"200\"><cancel>1</cancel></root>");
	assert_true(xml_error(&xml, 400, "No \"x\"\n<y>", "paired"));
	assert_document(&xml,
			"<root status_code=\"400\" status_message=\"No &quot;x&quot;&#10;&lt;y&gt;\">"
			"<paired>0</paired></root>");
	assert_true(xml_error(&xml, 401, "no", NULL));
	assert_document(&xml, "<root status_code=\"401\" status_message=\"no\"></root>");
}

#define BAD "\xef\xbf\xbd"

static void test_texts(void **state) {
	static const char *const texts[][2] = {{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xae", NULL},
			{"a\x01z", "a" BAD "z"}, {"\x7f", NULL}, {"\x80", BAD}, {"\xc3", BAD},
			{"\xc3z", BAD "z"}, {"\xc0\xaf", BAD BAD}, {"\xc1\xbf", BAD BAD},
			{"\xe0\x80\xaf", BAD BAD BAD}, {"\xe2\x82", BAD BAD}, {"\xe2\x82z", BAD BAD "z"},
			{"\xed\xa0\x80", BAD BAD BAD}, {"\xed\x9f\xbf", NULL}, {"\xef\xbf\xbe", BAD BAD BAD},
			{"\xef\xbf\xbd", NULL}, {"\xf0\x8f\xbf\xbf", BAD BAD BAD BAD},
			{"\xf0\x90\x80\x80", NULL}, {"\xf4\x8f\xbf\xbf", NULL},
			{"\xf4\x90\x80\x80", BAD BAD BAD BAD}, {"\xf5", BAD}, {"\xff\xfe", BAD BAD},
			{"\x1b[2J", BAD "[2J"}, {"]]>", NULL}, {"&#0;", NULL}};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct es_xml xml = new_xml();
		const struct es_applist_entry app = {1, texts[i][0], false};
		assert_true(xml_applist(&xml, &app, 1));
		assert_true(xml_well_formed(data, xml.size));
		char found[64];
		assert_true(xml_find_text(data, "AppTitle", found, sizeof(found)));
		assert_string_equal(texts[i][1] != NULL ? texts[i][1] : texts[i][0], found);
		assert_true(xml_error(&xml, 400, texts[i][0], NULL)); // in an attribute
		assert_true(xml_well_formed(data, xml.size));
	}
}

// Whatever the room, nothing past it is touched.
static void test_no_room(void **state) {
	struct es_xml xml = new_xml();
	assert_true(xml_error(&xml, 400, "a & b", "paired"));
	size_t size = xml.size;
	for (size_t cap = 0; cap <= size + 1; cap++) {
		xml = new_xml();
		xml.cap = cap;
		assert_true(xml_error(&xml, 400, "a & b", "paired") == (cap == size + 1));
		assert_true(xml.ok == (cap == size + 1));
		assert_int_equal(0x55, data[cap]);
	}
}

// The check itself sees what is wrong.
static void test_check_xml(void **state) {
	static const char *const bad[] = {"", "<a></a>", "<a>", "<a></b>", "<a><b></a></b>",
			"<a></a><a></a>", "<a>&</a>", "<a>&amp</a>", "<a>\x01</a>", "<a>\xc3</a>",
			"<a b=c></a>", "<a b=\"<\"></a>", "x", "<a></a>x", "<a>&#0;</a>"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[128];
		snprintf(text, sizeof(text), "%s%s",
				i == 1 ? "" : "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n", bad[i]);
		assert_false(xml_well_formed(text, strlen(text)));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
			cmocka_unit_test(test_query),
			cmocka_unit_test(test_query_escapes),
			cmocka_unit_test(test_query_limits),
			cmocka_unit_test(test_unique_id),
			cmocka_unit_test(test_launch_of_a_client),
			cmocka_unit_test(test_launch_least),
			cmocka_unit_test(test_launch_mode),
			cmocka_unit_test(test_launch_key),
			cmocka_unit_test(test_launch_key_id),
			cmocka_unit_test(test_launch_numbers),
			cmocka_unit_test(test_launch_long_values),
			cmocka_unit_test(test_serverinfo),
			cmocka_unit_test(test_answers),
			cmocka_unit_test(test_texts),
			cmocka_unit_test(test_no_room),
			cmocka_unit_test(test_check_xml),
	};
	return cmocka_run_group_tests_name("nvhttp", tests, NULL, NULL);
}
