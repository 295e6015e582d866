# install.cmake - what goes where on a system, and the manual of the configuration, which the parser's own table writes.
# SPDX-License-Identifier: Apache-2.0
include(GNUInstallDirs)
set(MANUALS ${CMAKE_SOURCE_DIR}/deploy/man/meridian.1 ${CMAKE_SOURCE_DIR}/deploy/man/meridiand.8)
find_program(MANDOC mandoc)

if(TARGET meridian)
  install(TARGETS meridian RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

  set(CONFIG_MANUAL ${CMAKE_BINARY_DIR}/man/meridian.yaml.5)
  set(CONFIG_MANUAL_PARTS ${CMAKE_SOURCE_DIR}/deploy/man/meridian.yaml.5.head ${CMAKE_BINARY_DIR}/man/keys
                          ${CMAKE_SOURCE_DIR}/deploy/man/meridian.yaml.5.tail)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/man)
  add_custom_command(
    OUTPUT ${CONFIG_MANUAL}
    COMMAND meridian reference --manual > ${CMAKE_BINARY_DIR}/man/keys
    COMMAND ${CMAKE_COMMAND} -E cat ${CONFIG_MANUAL_PARTS} > ${CONFIG_MANUAL}
    DEPENDS meridian deploy/man/meridian.yaml.5.head deploy/man/meridian.yaml.5.tail
    COMMENT "Writing meridian.yaml(5)"
    VERBATIM)
  add_custom_target(manuals ALL DEPENDS ${CONFIG_MANUAL})
  list(APPEND MANUALS ${CONFIG_MANUAL})
endif()
if(TARGET meridiand)
  install(TARGETS meridiand RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
endif()

foreach(manual ${MANUALS})
  string(REGEX MATCH "[0-9]$" section ${manual})
  get_filename_component(name ${manual} NAME)
  install(FILES ${manual} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
  if(MANDOC)
    add_test(NAME check/manual/${name} COMMAND ${MANDOC} -T lint -W warning ${manual})
    set_tests_properties(check/manual/${name} PROPERTIES LABELS check)
  endif()
endforeach()
install(FILES deploy/completion/meridian DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

# Units where systemd looks for them in every layout.
install(FILES deploy/systemd/meridiand.service DESTINATION lib/systemd/system)
install(FILES deploy/systemd/meridian.sysusers DESTINATION lib/sysusers.d RENAME meridian.conf)
install(DIRECTORY deploy/examples deploy/pop deploy/redis DESTINATION ${CMAKE_INSTALL_DOCDIR}d)
