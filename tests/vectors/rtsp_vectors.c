#include "tests/vectors/rtsp_vectors.h"

#define ANNOUNCE_BODY \
	"v=0\r\n" \
	"o=android 0 14 IN IPv4 127.0.0.1\r\n" \
	"s=NVIDIA Streaming Client\r\n" \
	"a=x-ml-general.featureFlags:3 \r\n" \
	"a=x-ss-general.encryptionEnabled:1 \r\n" \
	"a=x-ss-video[0].chromaSamplingType:0 \r\n" \
	"a=x-nv-video[0].clientViewportWd:1280 \r\n" \
	"a=x-nv-video[0].clientViewportHt:720 \r\n" \
	"a=x-nv-video[0].maxFPS:60 \r\n" \
	"a=x-nv-video[0].packetSize:1392 \r\n" \
	"a=x-nv-video[0].rateControlMode:4 \r\n" \
	"a=x-nv-video[0].timeoutLengthMs:7000 \r\n" \
	"a=x-nv-video[0].framesWithInvalidRefThreshold:0 \r\n" \
	"a=x-nv-video[0].initialBitrateKbps:16000 \r\n" \
	"a=x-nv-video[0].initialPeakBitrateKbps:16000 \r\n" \
	"a=x-nv-vqos[0].bw.minimumBitrateKbps:16000 \r\n" \
	"a=x-nv-vqos[0].bw.maximumBitrateKbps:16000 \r\n" \
	"a=x-ml-video.configuredBitrateKbps:20000 \r\n" \
	"a=x-nv-vqos[0].fec.enable:1 \r\n" \
	"a=x-nv-vqos[0].videoQualityScoreUpdateTime:5000 \r\n" \
	"a=x-nv-vqos[0].qosTrafficType:5 \r\n" \
	"a=x-nv-aqos.qosTrafficType:4 \r\n" \
	"a=x-nv-general.featureFlags:135 \r\n" \
	"a=x-nv-general.useReliableUdp:13 \r\n" \
	"a=x-nv-vqos[0].fec.minRequiredFecPackets:2 \r\n" \
	"a=x-nv-vqos[0].bllFec.enable:0 \r\n" \
	"a=x-nv-vqos[0].drc.enable:0 \r\n" \
	"a=x-nv-general.enableRecoveryMode:0 \r\n" \
	"a=x-nv-video[0].videoEncoderSlicesPerFrame:1 \r\n" \
	"a=x-nv-clientSupportHevc:0 \r\n" \
	"a=x-nv-vqos[0].bitStreamFormat:0 \r\n" \
	"a=x-nv-video[0].dynamicRangeMode:0 \r\n" \
	"a=x-nv-video[0].maxNumReferenceFrames:1 \r\n" \
	"a=x-nv-video[0].clientRefreshRateX100:6000 \r\n" \
	"a=x-nv-audio.surround.numChannels:2 \r\n" \
	"a=x-nv-audio.surround.channelMask:3 \r\n" \
	"a=x-nv-audio.surround.enable:0 \r\n" \
	"a=x-nv-audio.surround.AudioQuality:0 \r\n" \
	"a=x-nv-aqos.packetDuration:5 \r\n" \
	"a=x-nv-video[0].encoderCscMode:2 \r\n" \
	"t=0 0\r\n" \
	"m=video 47998  \r\n"

const char announce_vector[] = ANNOUNCE_BODY;

const struct es_rtsp_vector rtsp_vectors[] = {
		{ES_RTSP_OPTIONS, ES_RTSP_OTHER, 1, "",
				"OPTIONS rtsp://127.0.0.1:48010 RTSP/1.0\r\n"
				"CSeq: 1\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"\r\n",
				93, 0},
		{ES_RTSP_DESCRIBE, ES_RTSP_OTHER, 2, "",
				"DESCRIBE rtsp://127.0.0.1:48010 RTSP/1.0\r\n"
				"CSeq: 2\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Accept: application/sdp\r\n"
				"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
				"\r\n",
				169, 0},
		{ES_RTSP_SETUP, ES_RTSP_AUDIO, 3, "",
				"SETUP streamid=audio/0/0 RTSP/1.0\r\n"
				"CSeq: 3\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Transport: unicast;X-GS-ClientPort=50000-50001\r\n"
				"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
				"\r\n",
				185, 0},
		{ES_RTSP_SETUP, ES_RTSP_VIDEO, 4, "DEADBEEFCAFE",
				"SETUP streamid=video/0/0 RTSP/1.0\r\n"
				"CSeq: 4\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Session: DEADBEEFCAFE\r\n"
				"Transport: unicast;X-GS-ClientPort=50000-50001\r\n"
				"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
				"\r\n",
				208, 0},
		{ES_RTSP_SETUP, ES_RTSP_CONTROL, 5, "DEADBEEFCAFE",
				"SETUP streamid=control/13/0 RTSP/1.0\r\n"
				"CSeq: 5\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Session: DEADBEEFCAFE\r\n"
				"Transport: unicast;X-GS-ClientPort=50000-50001\r\n"
				"If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
				"\r\n",
				211, 0},
		{ES_RTSP_ANNOUNCE, ES_RTSP_CONTROL, 6, "DEADBEEFCAFE",
				"ANNOUNCE streamid=control/13/0 RTSP/1.0\r\n"
				"CSeq: 6\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Session: DEADBEEFCAFE\r\n"
				"Content-type: application/sdp\r\n"
				"Content-length: 1496\r\n"
				"\r\n" ANNOUNCE_BODY,
				1665, sizeof(announce_vector) - 1},
		{ES_RTSP_PLAY, ES_RTSP_OTHER, 7, "DEADBEEFCAFE",
				"PLAY / RTSP/1.0\r\n"
				"CSeq: 7\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 127.0.0.1\r\n"
				"Session: DEADBEEFCAFE\r\n"
				"\r\n",
				92, 0},
};
const size_t n_rtsp_vectors = sizeof(rtsp_vectors) / sizeof(rtsp_vectors[0]);

const struct es_rtsp_frame_vector rtsp_frame_vectors[] = {
		{'C', 1,
				"OPTIONS rtsp://192.0.2.1:48010 RTSP/1.0\r\n"
				"CSeq: 1\r\n"
				"X-GS-ClientVersion: 14\r\n"
				"Host: 192.0.2.1\r\n"
				"\r\n",
				"8000005d000000013162e78f042afa236c6d1a51d3a9c7a59fe452003a42126629e9a38daca4f662"
				"b7b6c5ec51a8166091088531908f95fb5c439bd2042b7c54b2df33cfddd2062af584a78c1b2d22b1"
				"e3bc8bf770aa2f9236b66e91b95c47fd0b5760980f6856ef914e57735682865b8577b5bceb"},
		{'H', 1,
				"RTSP/1.0 200 OK\r\n"
				"CSeq: 1\r\n"
				"\r\n",
				"8000001c00000001f1734c68fca6356daf5717bc54c6f6a2600872b43a271f6b4fc685cedf9a7cb8"
				"4351077c0cc521456e1d06e9"},
};
const size_t n_rtsp_frame_vectors = sizeof(rtsp_frame_vectors) / sizeof(rtsp_frame_vectors[0]);
