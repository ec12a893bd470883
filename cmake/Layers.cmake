# The way of the data (docs/how-it-works.md): includes point only to earlier layers of this list.
set(EC_LAYERS base proc profile target symbolize stacks runtimes snapshot archive collectors analysis report trigger cli)

function(ec_layer_folder layer out)
  if(layer STREQUAL "symbolize")
    set(${out} symbolize PARENT_SCOPE)
  else()
    set(${out} collector/${layer} PARENT_SCOPE)
  endif()
endfunction()

# Third-party headers stay private to one layer.
function(ec_layers)
  set(earlier "")
  foreach(layer IN LISTS EC_LAYERS)
    ec_layer_folder(${layer} folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.cc)
    list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
    if(sources)
      add_library(ec_${layer} STATIC ${sources})
      target_link_libraries(ec_${layer} PUBLIC ${earlier})
      add_dependencies(ec_${layer} check-layers)
      list(PREPEND earlier ec_${layer})
    endif()
  endforeach()
  if(TARGET ec_cli)
    configure_file(${CMAKE_SOURCE_DIR}/collector/cli/version.h.in ${CMAKE_BINARY_DIR}/generated/collector/cli/version.h @ONLY)
    target_include_directories(ec_cli PRIVATE ${CMAKE_BINARY_DIR}/generated)
  endif()
  ec_link_packages()
  set(EC_ALL_LAYERS ${earlier} PARENT_SCOPE)
endfunction()

# An include that points to a later layer stops the build before anything is compiled.
add_custom_target(check-layers
  COMMAND ${CMAKE_COMMAND} -DROOT=${CMAKE_SOURCE_DIR} "-DLAYERS=${EC_LAYERS}" -P ${CMAKE_SOURCE_DIR}/cmake/CheckLayers.cmake
  VERBATIM)
