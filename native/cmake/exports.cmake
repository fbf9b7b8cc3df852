# mqn_export_only(target map): a library that shows the functions of a version script and nothing else, least of all OpenSSL's:
# node exports 2,129 of the same names. The code stays loaded, because the reactor thread may run in it.
function(mqn_export_only target map)
  set(map "${CMAKE_CURRENT_SOURCE_DIR}/${map}")
  if(APPLE)
    target_link_options(${target} PRIVATE -Wl,-dead_strip)
  elseif(WIN32)
    if(NOT MSVC)
      target_link_options(${target} PRIVATE -Wl,--gc-sections)
    endif()
  else()
    target_link_options(${target} PRIVATE "-Wl,--version-script=${map}" -Wl,-Bsymbolic
                        -Wl,-z,nodelete -Wl,-z,relro -Wl,-z,now -Wl,--gc-sections)
    set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${map}")
  endif()
endfunction()
