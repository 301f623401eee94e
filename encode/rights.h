// What an encoder may do from the moment that it is known which one it is.
#pragma once

#include "base/confine.h"

struct es_encoder_impl;

// Never: the network, programs, files to write. Software reads what describes the processor; what
// drives a device loads its driver first.
extern const struct es_confinement rights_software, rights_device;

const struct es_confinement *rights_of(const struct es_encoder_impl *impl);
