include(GNUInstallDirs)
install(TARGETS emergency-collect RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY runbooks/ DESTINATION ${CMAKE_INSTALL_DATADIR}/emergency-collect/runbooks FILES_MATCHING PATTERN "*.md")
