// Headers of the kernels for x86, all before the pragma: what they define must be compiled for any processor.

#ifndef CLUTCH_X86_H
#define CLUTCH_X86_H

#include <immintrin.h>

#include <cmath>
#include <cstring>

#include "weights.h"

#endif
