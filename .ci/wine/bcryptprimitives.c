/* The one function of bcryptprimitives.dll that Rust's standard library calls and wine 8 lacks: random bytes,
   from advapi32. It stands in for the system's own in the prefix that tests run in, and nowhere else. */

#include <windows.h>
#include <ntsecapi.h>

/* The length of one call is a ULONG. */
#define BLOCK 0x10000000

__declspec(dllexport) BOOL WINAPI ProcessPrng(unsigned char *data, SIZE_T length)
{
    while (length > 0) {
        ULONG block = length < BLOCK ? (ULONG)length : BLOCK;
        if (!RtlGenRandom(data, block))
            return FALSE;
        data += block;
        length -= block;
    }
    return TRUE;
}
