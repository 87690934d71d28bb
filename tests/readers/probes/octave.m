% What the page on MATLAB shows, run by `make readers` in Octave: the .mat of a recording.
folder = argv(){1};
printf('{"versions": {"Octave": "%s"}}\n', version());
ok = 'true'; remark = '';
try
  r = load([folder '/recording.mat']);
  truth = jsondecode(fileread([folder '/truth.json'])).recording;
  found = double(r.signals(:, 1:truth.every:end));
  assert(max(abs(found(:) - truth.signals(:))) < 1e-3);
  assert(strcmp(r.channel_name{2}, 'Cz'));
  assert(abs(r.time(end) - truth.time_last) < 1e-6);
  assert(isequal(r.event_time_s(:), truth.events(:)));
catch err
  ok = 'false'; remark = strrep(err.message, '"', '''');
end
printf('{"what": "mat", "ok": %s, "remark": "%s", "warnings": []}\n', ok, remark);
