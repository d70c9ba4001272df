# AUTONORM_PYTHON: the Python with SciPy and pandas that set-up puts beside LibTorch; without one, any Python 3 (tests that need
# more then skip).
if(NOT AUTONORM_PYTHON)
  if(AUTONORM_TORCH)
    get_filename_component(autonorm_python "${AUTONORM_TORCH}/../../../../bin/python" ABSOLUTE)
  endif()
  if(NOT EXISTS "${autonorm_python}")
    find_program(autonorm_python_any python3 NO_CACHE REQUIRED)
    set(autonorm_python ${autonorm_python_any})
  endif()
  set(AUTONORM_PYTHON "${autonorm_python}" CACHE FILEPATH "Python with SciPy for reference numbers")
endif()
