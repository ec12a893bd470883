find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                    -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
add_compile_definitions(_GNU_SOURCE _FILE_OFFSET_BITS=64)
include_directories(BEFORE ${CMAKE_SOURCE_DIR})

# libunwind's static archive is not position independent, so the static build is not either.
if(EC_STATIC)
  set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
endif()

# The build id names the exact build in every manifest.
add_link_options(-Wl,--build-id=sha1)
