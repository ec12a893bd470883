# collector/report/flame_page.html becomes a generated source file of ec_report. The same file is the script that
# generates it.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ "${PAGE}" text)
  if(text MATCHES "\\)EMBEDDED\"")
    message(FATAL_ERROR "${PAGE}: may not contain )EMBEDDED\"")
  endif()
  file(WRITE "${OUT}" "// Generated from ${PAGE} by cmake/EmbeddedText.cmake.
#include \"collector/report/embedded_text.h\"

namespace ec {

const std::string_view kFlamePage = R\"EMBEDDED(${text})EMBEDDED\";

}  // namespace ec
")
  return()
endif()

set(EC_FLAME_PAGE ${CMAKE_SOURCE_DIR}/collector/report/flame_page.html)
set(EC_FLAME_PAGE_SOURCE ${CMAKE_BINARY_DIR}/generated/flame_page_html.cc)
add_custom_command(OUTPUT ${EC_FLAME_PAGE_SOURCE}
  COMMAND ${CMAKE_COMMAND} "-DPAGE=${EC_FLAME_PAGE}" -DOUT=${EC_FLAME_PAGE_SOURCE} -P ${CMAKE_SOURCE_DIR}/cmake/EmbeddedText.cmake
  DEPENDS ${EC_FLAME_PAGE} ${CMAKE_SOURCE_DIR}/cmake/EmbeddedText.cmake
  COMMENT "The page of flame graphs into a source file"
  VERBATIM)
if(TARGET ec_report)
  target_sources(ec_report PRIVATE ${EC_FLAME_PAGE_SOURCE})
endif()
