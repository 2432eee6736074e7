// What Swift can't express without leaking newer instructions into shared code.
#pragma once

#include "kernels.h"
#include "noise.h"
#include "pack.h"
