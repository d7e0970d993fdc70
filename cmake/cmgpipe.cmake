# SPDX-License-Identifier: Apache-2.0
# Flags and helpers, so that CMakeLists.txt only says what is built of what.
include(CheckCCompilerFlag)
include(CheckPIESupported)

function(cmg_default_build_type type)
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set_property(CACHE CMAKE_BUILD_TYPE PROPERTY VALUE "${type}")
    endif()
endfunction()

# A flag for every target, where the compiler knows it.
function(cmg_flag_if_known flag)
    string(MAKE_C_IDENTIFIER "CMG_HAVE${flag}" known)
    check_c_compiler_flag("${flag}" ${known})
    if(${known})
        add_compile_options("$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:${flag}>")
    endif()
endfunction()

function(cmg_hardening)
    if(CMG_SANITIZE OR CMG_FUZZ)
        return() # the sanitizers intercept what _FORTIFY_SOURCE would check
    endif()
    # Distributions define _FORTIFY_SOURCE themselves, at a level of their own.
    add_compile_options("$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>")
    cmg_flag_if_known(-fstack-protector-strong)
    cmg_flag_if_known(-fstack-clash-protection)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
        cmg_flag_if_known(-fcf-protection)
    endif()
    add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endfunction()

function(cmg_sanitizers)
    if(CMG_FUZZ)
        if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
            message(FATAL_ERROR "CMG_FUZZ needs clang: -DCMAKE_C_COMPILER=clang")
        endif()
        # The library itself must be instrumented, else the fuzzer sees a dozen edges and learns nothing.
        add_compile_options(-fsanitize=fuzzer-no-link)
    endif()
    if(CMG_SANITIZE)
        list(JOIN CMG_SANITIZE "," names)
        add_compile_options(-fsanitize=${names} -fno-sanitize-recover=all -fno-omit-frame-pointer)
        add_link_options(-fsanitize=${names})
        if(CMG_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
            add_compile_options(-Wno-maybe-uninitialized) # its calls hide from gcc what was set
        endif()
    endif()
endfunction()

# Language, warnings, visibility, hardening: the same for everything below. A macro, since the CMAKE_
# variables must reach the caller.
macro(cmg_common_flags)
    set(CMAKE_C_STANDARD 11)
    set(CMAKE_C_STANDARD_REQUIRED ON)
    set(CMAKE_C_EXTENSIONS ON)
    set(CMAKE_C_VISIBILITY_PRESET hidden)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
    check_pie_supported(LANGUAGES C)
    string(REPLACE "-O3" "-O2" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
    add_compile_definitions(_GNU_SOURCE CMG_VERSION="${PROJECT_VERSION}")
    add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla)
    if(CMG_WERROR)
        add_compile_options(-Werror)
    endif()
    include_directories("${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
    # GCC clears a structure of a hundred bytes with "rep stos", which takes longer to begin than
    # memset takes in all.
    cmg_flag_if_known(-mstringop-strategy=libcall)
    cmg_hardening()
    cmg_sanitizers()
endmacro()

# Every C file of the folders, found anew when one comes or goes.
function(cmg_sources ret)
    list(TRANSFORM ARGN REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/\\1/*.c" OUTPUT_VARIABLE patterns)
    file(GLOB files CONFIGURE_DEPENDS ${patterns})
    set(${ret} ${files} PARENT_SCOPE)
endfunction()

# A static library; a folder that is still empty becomes a name to link against.
function(cmg_library name)
    cmake_parse_arguments(LIB "" "" "SOURCES;LINKS" ${ARGN})
    if(LIB_SOURCES)
        add_library(${name} STATIC ${LIB_SOURCES})
        target_link_libraries(${name} PUBLIC ${LIB_LINKS})
    else()
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE ${LIB_LINKS})
    endif()
endfunction()

# Code that may run on a coroutine's stack of 24 KiB: a large frame is reported. Sanitizers enlarge
# frames, so they do not ask.
function(cmg_small_frames name)
    get_target_property(type ${name} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY" AND NOT CMG_SANITIZE AND NOT CMG_FUZZ)
        target_compile_options(${name} PRIVATE "$<$<NOT:$<CONFIG:Debug>>:-Wframe-larger-than=4096>")
    endif()
endfunction()

# librdkafka for a library, once it has sources.
function(cmg_use_kafka name)
    get_target_property(type ${name} TYPE)
    if(NOT type STREQUAL "INTERFACE_LIBRARY")
        target_link_libraries(${name} PUBLIC PkgConfig::RDKAFKA)
        target_compile_definitions(${name} PUBLIC CMG_KAFKA=1)
    endif()
endfunction()
