#pragma once

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// libFuzzer as a library: runs `look` on inputs as the program's arguments say. The `-sanitize=fuzzer` of the linker
/// brings it.
int LLVMFuzzerRunDriver(int *count, char *_Nullable *_Nonnull *_Nonnull arguments,
                        int (*look)(const uint8_t *_Nullable bytes, size_t count));

#pragma clang assume_nonnull end
