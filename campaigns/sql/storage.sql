-- Half a page is left free, so that most changes of a message's state are written on the same page.
ALTER TABLE campaigns_message SET (fillfactor = 50);
