#!/usr/bin/env perl
# A client made from docs/openapi.json asks a host for its sessions; prints {status, body} of each answer.
# Arguments: the document, the console's URL, the fingerprint of its certificate (SHA-256 in hex), a
# session. The token is in TOKEN.
use Mojo::Base -strict, -signatures;
use Mojo::JSON qw(encode_json);
use OpenAPI::Client;

my ($document, $url, $fingerprint, $id) = @ARGV;
my $client = OpenAPI::Client->new($document);
my $root = $client->base_url->path->to_string;
$client->base_url(Mojo::URL->new($url)->path($root));
$client->ua->tls_options({SSL_fingerprint => "sha256\$$fingerprint"});
$client->ua->on(start => sub ($ua, $tx) { $tx->req->headers->authorization("Bearer $ENV{TOKEN}") });

sub show ($tx) {
	my $code = $tx->res->code;
	say encode_json({status => defined $code ? 0 + $code : undef, body => $tx->res->json,
			connected => $tx->connection ? \1 : \0, error => $tx->error});
}

show($client->getSessions);
show($client->getSessionsId({id => $id}));
show($client->getSessionsId({id => 'first'})); # the client's own, by the document
